// The command's side of a peer: a child process that answers one request at a time.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { root } from "../lib/repository.js";
import type { Row } from "./rows.js";
import type { Answer, Greeting, Request } from "./work.js";

/** One line of a peer, skipping what a library prints of itself; undefined when the process has ended. */
async function nextLine(lines: AsyncIterator<string>): Promise<unknown> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) return undefined;
    if (value.startsWith("{")) return JSON.parse(value);
  }
}

/** A running peer. */
export class Peer {
  readonly name: string;
  /** What it said of itself. */
  readonly greeting: Greeting;
  /** Whether it is asked for that row at all. */
  readonly offers: (row: Row) => boolean;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  private constructor(
    { name, offers }: Pick<Peer, "name" | "offers">,
    child: ChildProcessWithoutNullStreams,
    lines: AsyncIterator<string>,
    greeting: Greeting,
  ) {
    this.name = name;
    this.offers = offers;
    this.greeting = greeting;
    this.#child = child;
    this.#lines = lines;
  }

  /**
   * Starts a peer, with `variables` in its environment, and waits for its greeting.
   * @throws Error with the last complaint it wrote, where it does not start
   */
  static async start(
    which: Pick<Peer, "name" | "offers">,
    [command, ...args]: readonly string[],
    variables: Readonly<Record<string, string>> = {},
  ): Promise<Peer> {
    const child = spawn(command!, args, { cwd: root, env: { ...process.env, ...variables } });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-4000);
    });
    child.stdin.on("error", () => {});
    const failure = new Promise<never>((_, reject) => child.on("error", reject));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const greeting = await Promise.race([nextLine(lines), failure]);
    if (greeting === undefined) {
      const error = complaint.split("\n").findLast((line) => /Error/.test(line));
      throw new Error(error?.trim() ?? "it ended at once");
    }
    return new Peer(which, child, lines, greeting as Greeting);
  }

  /** Asks for times of a row. */
  async ask(request: Request): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return ((await nextLine(this.#lines)) as Answer | undefined) ?? { missing: "its process ended" };
  }

  /** Ends the process. */
  stop(): void {
    this.#child.stdin.end();
  }
}
