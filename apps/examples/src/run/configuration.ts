// `configuration.json` of a run: which example, with which options, on what. A run is resumed from it, and a
// trained model is used with it.
import { join } from "node:path";
import { TensorError } from "@torchium/tensor";
import { type OptionDeclarations, optionFlag, parseOption } from "../cli/option.js";
import type { Example, Fact } from "../example.js";
import { exists, readJson, writeFileAtomic } from "./files.js";

/** What a run was started with. */
export interface Configuration {
  readonly example: string;
  /** When the run began, ISO 8601. */
  readonly started: string;
  /** A value for every training option; options without one are absent. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What the example said about its data and model. */
  readonly facts: Readonly<Record<string, Fact>>;
}

const fileName = "configuration.json";
const format = 1;

/** Whether a folder holds a run. */
export async function holdsRun(folder: string): Promise<boolean> {
  return exists(join(folder, fileName));
}

/** The example that a folder holds a run of; undefined when it holds none that can be read. */
export async function exampleOf(folder: string): Promise<string | undefined> {
  if (!(await holdsRun(folder))) return undefined;
  const value = await readJson("run folder", join(folder, fileName)).catch(() => undefined);
  return isObject(value) && typeof value.example === "string" ? value.example : undefined;
}

/** Writes the configuration into a run folder. */
export async function writeConfiguration(folder: string, configuration: Configuration): Promise<void> {
  const content = { format, node: process.version, ...configuration };
  await writeFileAtomic(join(folder, fileName), `${JSON.stringify(content, null, 2)}\n`);
}

/**
 * Reads the configuration of a run of `example`.
 * @param declarations The example's training options; every stored value is checked against them.
 * @throws TensorError `file` when the folder holds no run, `format` when the file is damaged, `argument` when it
 *   is another example's.
 */
export async function readConfiguration(
  folder: string,
  example: Example,
  declarations: OptionDeclarations,
): Promise<Configuration> {
  const path = join(folder, fileName);
  if (!(await exists(path))) {
    throw new TensorError("file", `run folder: ${fileName} is missing, got ${folder}, expected the folder of a run`, {
      folder,
    });
  }
  const value = await readJson("run folder", path);
  const stored = isObject(value) ? value : {};
  if (stored.format !== format || typeof stored.example !== "string") {
    const got = JSON.stringify(stored.format) ?? "none";
    throw new TensorError("format", `run folder: format of ${path} must be ${format}, got ${got}`, { path });
  }
  if (stored.example !== example.name) {
    const message = `run folder: ${folder} is a run of ${stored.example}, expected one of ${example.name}`;
    throw new TensorError("argument", message, { folder, got: stored.example, expected: example.name });
  }
  return {
    example: stored.example,
    started: String(stored.started),
    options: checkOptions(isObject(stored.options) ? stored.options : {}, declarations, path),
    facts: (isObject(stored.facts) ? stored.facts : {}) as Configuration["facts"],
  };
}

/**
 * The options of a resumed run: those it was started with, save for the few that may change and were given again.
 * @throws TensorError `argument` naming an option that may not change.
 */
export function resumedOptions(
  stored: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, unknown>>,
  given: ReadonlySet<string>,
  declarations: OptionDeclarations,
): Readonly<Record<string, unknown>> {
  const merged: Record<string, unknown> = { ...stored };
  for (const name of given) {
    if (!declarations[name].mayChange && options[name] !== stored[name]) {
      const flag = optionFlag(name);
      const message = `${flag}: a resumed run keeps its value, got ${options[name]}, expected ${stored[name]}`;
      throw new TensorError("argument", message, { op: flag, got: options[name], expected: stored[name] });
    }
    merged[name] = options[name];
  }
  return merged;
}

/**
 * Checks that a resumed run sees the same data and builds the same model as before.
 * @throws TensorError `argument` naming the fact that differs.
 */
export function checkFacts(stored: Configuration["facts"], now: Configuration["facts"]): void {
  for (const name of new Set([...Object.keys(stored), ...Object.keys(now)])) {
    if (stored[name] === now[name]) continue;
    const message = `resume: ${name} differs from the run's beginning, got ${now[name]}, expected ${stored[name]}`;
    throw new TensorError("argument", `${message} (is --data the same?)`, { fact: name });
  }
}

function checkOptions(
  stored: Readonly<Record<string, unknown>>,
  declarations: OptionDeclarations,
  path: string,
): Record<string, unknown> {
  const checked: Record<string, unknown> = {};
  for (const [name, declaration] of Object.entries(declarations)) {
    const value = stored[name];
    if (value === undefined) {
      checked[name] = declaration.default;
      continue;
    }
    try {
      checked[name] = parseOption(name, declaration, String(value));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new TensorError("format", `run folder: ${path} holds a wrong option, ${reason}`, { path, name }, error);
    }
  }
  return checked;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
