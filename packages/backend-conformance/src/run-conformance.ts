// Runs the suite on a backend, without any test framework.

import type { Backend } from "@torchium/tensor/backend";
import { type CaseName, type ConformanceCase, conformanceCases } from "./all-cases.js";
import type { CaseContext, Level } from "./case.js";
import { TestDevices } from "./devices.js";
import { ConformanceFailure, check, NotOffered } from "./failure.js";
import { Workbench } from "./workbench.js";

/** Something the backend is known to get wrong. It must go on failing, or the list would rot. */
export type Gap = { readonly case: CaseName; readonly reason: string };

/** The backend under test. */
export type ConformanceTarget = {
  readonly name: string;
  readonly createBackend: () => Backend | Promise<Backend>;
  readonly gaps?: readonly Gap[];
};

/** Which part of the suite, and how much of it. */
export type ConformanceOptions = {
  /** All unless given. */
  readonly levels?: readonly Level[];
  /** Cases to run; all of the levels unless given. */
  readonly cases?: readonly CaseName[];
  /** Decides every random choice. 2026 unless given. */
  readonly seed?: number;
  /** How many random programs, layouts and graphs to try, as a multiple of the usual number; below 1, fewer types too. */
  readonly effort?: number;
};

/** What became of a case: `not-offered` when it is about something that the backend does not have. */
export type CaseResult = {
  readonly name: CaseName;
  readonly level: Level;
  readonly outcome: "passed" | "failed" | "not-offered";
  /** Why it failed, or what is not offered. */
  readonly message: string;
};

/** The cases that `options` choose, in order. @throws Error when `gaps` or `options` name a case that does not exist */
export function chooseCases(
  target: Pick<ConformanceTarget, "gaps">,
  options: ConformanceOptions,
): readonly ConformanceCase[] {
  const known = new Set<string>(conformanceCases.map((c) => c.name));
  const unknown = [...(target.gaps ?? []).map((g) => g.case), ...(options.cases ?? [])].find(
    (name) => !known.has(name),
  );
  if (unknown !== undefined) throw new Error(`conformance: no case is named ${unknown}`);
  const { levels, cases } = options;
  return conformanceCases.filter((c) => (!levels || levels.includes(c.level)) && (!cases || cases.includes(c.name)));
}

/** A backend that cases share, and what they need beside it. */
export class ConformanceSession {
  readonly #target: ConformanceTarget;
  readonly #context: CaseContext;

  private constructor(target: ConformanceTarget, context: CaseContext) {
    this.#target = target;
    this.#context = context;
  }

  /** Makes the shared backend. */
  static async open(
    target: ConformanceTarget,
    { seed = 2026, effort = 1 }: ConformanceOptions,
  ): Promise<ConformanceSession> {
    const createBackend = async (): Promise<Backend> => target.createBackend();
    const bench = new Workbench(await createBackend());
    return new ConformanceSession(target, {
      bench,
      createBackend,
      devices: new TestDevices(createBackend),
      seed,
      effort,
    });
  }

  /** Elements compared so far, and elements left open because rounding decides them. */
  get tally() {
    return this.#context.bench.tally;
  }

  /** Runs one case. A gap that fails has passed. */
  async run({ name, level, run }: ConformanceCase): Promise<CaseResult> {
    const gap = this.#target.gaps?.find((g) => g.case === name);
    const failure = await this.#attempt(run);
    if (failure instanceof NotOffered) return { name, level, outcome: "not-offered", message: failure.message };
    if (gap && !failure) {
      const message = `${name} passes, but is listed as a gap (${gap.reason}): remove it from the list`;
      return { name, level, outcome: "failed", message };
    }
    if (!failure || gap) return { name, level, outcome: "passed", message: gap ? `a known gap: ${gap.reason}` : "" };
    const text = failure instanceof ConformanceFailure ? failure.message : (failure.stack ?? failure.message);
    return { name, level, outcome: "failed", message: `${name} (seed ${this.#context.seed}): ${text}` };
  }

  /** Disposes the shared backend and devices. */
  async close(): Promise<void> {
    await this.#context.devices.close();
    this.#context.bench.backend.dispose();
  }

  async #attempt(run: ConformanceCase["run"]): Promise<Error | undefined> {
    const { backend } = this.#context.bench;
    try {
      const before = backend.memory().liveBytes;
      await run(this.#context);
      await backend.finish();
      const after = backend.memory().liveBytes;
      check(after === before, `liveBytes went from ${before} to ${after} although the case released all its buffers`);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}

/** Runs the chosen cases one after the other on one backend. */
export async function runConformance(
  target: ConformanceTarget,
  options: ConformanceOptions = {},
): Promise<readonly CaseResult[]> {
  const cases = chooseCases(target, options);
  const session = await ConformanceSession.open(target, options);
  try {
    const results: CaseResult[] = [];
    for (const one of cases) results.push(await session.run(one));
    return results;
  } finally {
    await session.close();
  }
}
