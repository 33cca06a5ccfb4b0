// Everything the runner takes from the world, so that tests can hand it another one.
import type { Example } from "../example.js";
import type { SignalSource } from "../run/stop-signal.js";
import type { Terminal } from "./terminal.js";

/** The world of a command line. */
export interface CliEnvironment {
  readonly examples: readonly Example[];
  /** Where results and progress go. */
  readonly output: Terminal;
  /** Where errors go. */
  readonly errors: Terminal;
  /** The folder that relative paths start from. */
  readonly cwd: string;
  /** How a person starts the runner: `npm start --`. */
  readonly command: string;
  readonly signals: SignalSource;
  /** Milliseconds since any moment. */
  readonly clock: () => number;
  /** The date, for the names of run folders. */
  readonly now: () => Date;
}
