// The record of a run: one JSON object a line, appended as training goes, so that a crash costs a line at most.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { TensorError } from "@torchium/tensor";
import { fileError, writeFileAtomic } from "./files.js";

/** Named numbers, such as `{ loss: 1.9, accuracy: 0.75 }`. */
export type Scores = Readonly<Record<string, number>>;

/** One line of the record: what training or an evaluation gave after `step` steps. */
export interface MetricsRecord {
  /** Steps done. */
  readonly step: number;
  /** The training loss of that step. */
  readonly loss?: number;
  /** Tokens trained on so far. */
  readonly tokens?: number;
  /** Tokens a second since the line before. */
  readonly tokensPerSecond?: number;
  /** Seconds spent training so far, over all sessions of the run. */
  readonly seconds?: number;
  /** Bytes of memory in use. */
  readonly memoryBytes?: number;
  /** What the step reports besides, such as its learning rate. */
  readonly extra?: Scores;
  /** What an evaluation on held-out data gave. */
  readonly validation?: Scores;
  /** What the finished model gave on test data. */
  readonly test?: Scores;
}

/** The file `metrics.jsonl` of a run. */
export class MetricsLog {
  readonly path: string;
  #records: MetricsRecord[] = [];

  constructor(path: string) {
    this.path = path;
  }

  /** The records so far, oldest first. */
  get records(): readonly MetricsRecord[] {
    return this.#records;
  }

  /**
   * Adds a line.
   * @throws TensorError `file` when it cannot be written.
   */
  append(record: MetricsRecord): void {
    try {
      appendFileSync(this.path, `${JSON.stringify(record)}\n`);
    } catch (error) {
      throw fileError("metrics", this.path, error);
    }
    this.#records.push(record);
  }

  /**
   * Reads the file and drops what came after `step`, evaluations after `evaluatedAt`, and the test at the end: the
   * resumed run does those again.
   * @throws TensorError `file` when it cannot be read or written, `format` naming a line that is no record.
   */
  async truncateAfter(step: number, evaluatedAt: number): Promise<void> {
    const records = existsSync(this.path) ? parseRecords(this.path) : [];
    this.#records = records.filter(
      ({ step: at, validation, test }) => test === undefined && at <= (validation === undefined ? step : evaluatedAt),
    );
    await writeFileAtomic(this.path, this.#records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  }
}

function parseRecords(path: string): MetricsRecord[] {
  const lines = readFileSync(path, "utf8").split("\n");
  // A whole file ends with a line break; what stands after the last one was cut off in the middle of a write.
  lines.pop();
  return lines.map((line, index) => {
    const record = parseLine(line);
    if (isRecord(record)) return record;
    const where = `${path}:${index + 1}`;
    throw new TensorError("format", `metrics: ${where} is not a record, got ${JSON.stringify(line.slice(0, 80))}`, {
      path,
      line: index + 1,
    });
  });
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

function isRecord(value: unknown): value is MetricsRecord {
  if (!isObject(value)) return false;
  const { step, validation, test } = value as Record<string, unknown>;
  const wholeStep = typeof step === "number" && Number.isSafeInteger(step) && step >= 0;
  return wholeStep && [validation, test].every((scores) => scores === undefined || isObject(scores));
}
