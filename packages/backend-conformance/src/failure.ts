// How a case says that a backend is wrong, and how a case says that it does not apply.

/** A backend did something else than the interface says. */
export class ConformanceFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConformanceFailure";
  }
}

/** The backend does not offer what a case is about, such as a dtype or an anchor. */
export class NotOffered extends Error {
  constructor(what: string) {
    super(what);
    this.name = "NotOffered";
  }
}

/** @throws ConformanceFailure unless `condition` holds. */
export function check(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new ConformanceFailure(typeof message === "string" ? message : message());
}
