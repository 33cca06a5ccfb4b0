// Ctrl-C, twice: the first time training finishes its step and saves, the second time the process ends at once.

/** Where signals come from: `process`, or a stand-in in tests. */
export interface SignalSource {
  on(signal: StopSignalName, listener: (signal: StopSignalName) => void): unknown;
  off(signal: StopSignalName, listener: (signal: StopSignalName) => void): unknown;
}

/** The signals that ask a run to stop. */
export type StopSignalName = "SIGINT" | "SIGTERM";

const names: readonly StopSignalName[] = ["SIGINT", "SIGTERM"];

/** One Ctrl-C can arrive twice: from the terminal, and passed on by npm. A person is not that quick. */
const duplicateWindowMs = 400;

/** Remembers a request to stop, for the training loop to see between two steps. */
export class StopSignal {
  readonly #source: SignalSource;
  readonly #onRequest: (signal: StopSignalName) => void;
  #requested: StopSignalName | undefined;

  /** @param onRequest Called once, when the request arrives: the place to tell the person that it was heard. */
  constructor(source: SignalSource, onRequest: (signal: StopSignalName) => void) {
    this.#source = source;
    this.#onRequest = onRequest;
    for (const name of names) source.on(name, this.#receive);
  }

  /** The signal that asked to stop, if one did. */
  get requested(): StopSignalName | undefined {
    return this.#requested;
  }

  /** Gives the signals back to the system: from here on, one ends the process. */
  dispose(): void {
    // After a request the timer does it, so that its duplicate cannot end the process before the last words.
    if (this.#requested === undefined) this.#release();
  }

  #release(): void {
    for (const name of names) this.#source.off(name, this.#receive);
  }

  readonly #receive = (signal: StopSignalName): void => {
    if (this.#requested !== undefined) return;
    this.#requested = signal;
    // The next signal is left to the system and not to a handler here: handlers do not run during a long step.
    setTimeout(() => this.#release(), duplicateWindowMs).unref();
    this.#onRequest(signal);
  };
}

/** The conventional exit code of a process that a signal stopped. */
export function signalExitCode(signal: StopSignalName): number {
  return signal === "SIGINT" ? 130 : 143;
}
