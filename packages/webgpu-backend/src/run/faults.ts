// Ids that lie outside their table, found on the device: two words for each guarded launch, 1 + the row and the id. The
// words are read when somebody asks, or when they are all in use.

import type { LaunchError } from "@torchium/tensor/backend";

/** Guarded launches between two readings. */
export const faultCapacity = 1024;
/** Words of a guarded launch. */
export const faultWords = 2;

/** Launches whose words have not been read yet, in order. */
export class FaultLog {
  #pending: { readonly label: string; readonly tableRows: number }[] = [];

  /** Guarded launches since the last reading. */
  get count(): number {
    return this.#pending.length;
  }

  /** The first word of a launch's place. */
  add(label: string, tableRows: number): number {
    return (this.#pending.push({ label, tableRows }) - 1) * faultWords;
  }

  /** Starts anew; gives what turns the words read into errors. */
  take(): (words: Int32Array) => LaunchError[] {
    const launches = this.#pending;
    this.#pending = [];
    return (words) =>
      launches.flatMap(({ label, tableRows }, i): LaunchError[] => {
        if (words[i * faultWords] === 0) return [];
        const got = words[i * faultWords + 1];
        const expected = `an integer from 0 to ${tableRows - 1}`;
        return [{ label, code: "index", message: `${label}: id is out of range, got ${got}, expected ${expected}` }];
      });
  }
}
