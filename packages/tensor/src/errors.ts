// Every error the toolkit throws. `code` is stable, messages are not.
// The brand is a registered symbol, so `TensorError.is` works across duplicate copies of the package.

const brand: unique symbol = Symbol.for("@torchium/tensor.error");

/** What went wrong, as a stable word to branch on. */
export type ErrorCode =
  /** Shapes do not fit the operation. */
  | "shape"
  /** A dtype the operation does not take. */
  | "dtype"
  /** An index, id or class outside its range. */
  | "index"
  /** An option or argument with a value that makes no sense (NaN learning rate, unknown option). */
  | "argument"
  /** Tensors of two devices in one operation, or no such device. */
  | "device"
  /** The backend or engine cannot do this. */
  | "unsupported"
  /** An allocation that cannot be met. */
  | "out-of-memory"
  /** The device is gone; make a new one and resume from a checkpoint. */
  | "device-lost"
  /** A tensor or device used after `dispose()`. */
  | "disposed"
  /** An unread tensor whose inputs an update has overwritten. */
  | "stale-tensor"
  /** A call out of order, such as a second `backward()` without `retainGraph`. */
  | "state"
  /** A file that is missing or cannot be read or written. */
  | "file"
  /** A file, checkpoint or state dictionary whose content is not what it should be. */
  | "format"
  /** A broken promise inside the toolkit: please report it. */
  | "internal";

/** The one error class of the toolkit: a message for people, a `code` and `details` for programs. */
export class TensorError extends Error {
  readonly [brand] = true;
  readonly code: ErrorCode;
  /** Typed facts behind the message: the operation, what was got, what was expected. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TensorError";
    this.code = code;
    this.details = details;
  }

  /** Whether `error` is a TensorError (of any copy of this package), and of `code` when one is given. */
  static is(error: unknown, code?: ErrorCode): error is TensorError {
    return (
      typeof error === "object" &&
      error !== null &&
      brand in error &&
      (code === undefined || (error as TensorError).code === code)
    );
  }
}

/** `shape` error in the house form: `op: why, got [2, 3] and [4]`. */
export function shapeError(op: string, why: string, shapes: readonly (readonly number[])[]): TensorError {
  const got = shapes.map((s) => `[${s.join(", ")}]`).join(" and ");
  return new TensorError("shape", `${op}: ${why}, got ${got}`, { op, shapes });
}

/** `argument` error in the house form: `op: field must be …, got value`. */
export function argumentError(op: string, field: string, expected: string, got: unknown): TensorError {
  const message = `${op}: ${field} must be ${expected}, got ${shown(got)}`;
  return new TensorError("argument", message, { op, field, got, expected });
}

function shown(x: unknown): string {
  if (typeof x === "string") return JSON.stringify(x);
  if (Array.isArray(x)) return `[${x.map((y) => (typeof y === "object" ? shown(y) : String(y))).join(", ")}]`;
  return typeof x === "function"
    ? "a function"
    : typeof x === "object" && x && !("toString" in x)
      ? "an object"
      : String(x);
}

/**
 * `argument` error for a name that is not among `known`, which names the one that was probably meant:
 * `op: unknown option, got weigthDecay, did you mean weightDecay?`.
 */
export function unknownName(op: string, kind: string, got: string, known: readonly string[]): TensorError {
  const message = `${op}: unknown ${kind}, got ${got}, ${suggestion(got, known)}`;
  return new TensorError("argument", message, { op, field: got, known });
}

/** The end of an error about an unknown name: `did you mean X?`, or the known names when none is near. */
export function suggestion(name: string, known: readonly string[]): string {
  const close = nearest(name, known);
  if (close !== undefined) return `did you mean ${close}?`;
  return known.length === 0 ? "there are none" : `expected one of ${known.join(", ")}`;
}

/** The known name that differs from `name` in at most a third of its letters, the nearest of them. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance * 3 <= Math.max(name.length, candidate.length))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

/** Letters inserted, deleted, replaced or swapped with their neighbour that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swaps = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = swaps ? beforeLast[j - 2]! + 1 : replaced;
      row.push(Math.min(last[j]! + 1, row[j - 1]! + 1, replaced, swapped));
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}

/** Throws an `internal` error: for branches that cannot be reached while the package keeps its own rules. */
export function unreachable(what: string): never {
  throw new TensorError("internal", `internal: ${what}`);
}
