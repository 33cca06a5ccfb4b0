// The command's side of a peer: a child process that answers one request at a time.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "../lib/repository.js";
import type { Answer, Greeting, Request } from "./serve.js";

/** How a peer's process is started for a number of threads; undefined where it cannot use so many. */
interface Declaration {
  readonly name: string;
  readonly command: (threads: number) => readonly string[] | undefined;
  /** The same on WebGPU; undefined for those that have no such backend. */
  readonly webgpu?: readonly string[];
  /** What to do when it is missing. */
  readonly advice: string;
}

const folder = join(root, "scripts", "bench", "peers");
const runner = join(root, "scripts", "run.mjs");
const typescript = (file: string, ...args: readonly (string | number)[]): readonly string[] => [
  process.execPath,
  ...[runner, "ts", join(folder, file)],
  ...args.map(String),
];

const declarations: readonly Declaration[] = [
  {
    name: "ours",
    command: (threads) => typescript("torchium.ts", threads),
    webgpu: typescript("torchium.ts", 1, "webgpu"),
    advice: "",
  },
  {
    name: "ours, wide",
    // The option takes effect from Node 24 on.
    command: (threads) =>
      Number(process.versions.node.split(".")[0]) >= 24 ? typescript("torchium.ts", threads, "wide") : undefined,
    advice: "needs Node 24",
  },
  {
    name: "ours + BLAS",
    command: (threads) => typescript("torchium.ts", threads, "blas"),
    advice: "install libopenblas0-pthread, or name the library in OPENBLAS_LIB",
  },
  {
    name: "PyTorch",
    command: (threads) => [process.env.TORCH_PYTHON ?? "python3", join(folder, "pytorch.py"), String(threads)],
    advice: "python3 -m pip install torch, or name a Python that has it in TORCH_PYTHON",
  },
  {
    name: "OpenBLAS",
    command: (threads) => typescript("openblas.ts", threads),
    advice: "install libopenblas0-pthread, or name the library in OPENBLAS_LIB",
  },
  {
    name: "jax-js",
    // It shares work with Web Workers only, which Node does not have.
    command: (threads) => (threads === 1 ? typescript("jax-js.ts", threads) : undefined),
    webgpu: typescript("jax-js.ts", 1, "webgpu"),
    advice: "npm run bench -- --install-peers",
  },
  {
    name: "tfjs",
    command: (threads) => typescript("tfjs.ts", threads),
    advice: "npm run bench -- --install-peers",
  },
];

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
  /** What it said of itself. */
  readonly greeting: Greeting;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcessWithoutNullStreams, lines: AsyncIterator<string>, greeting: Greeting) {
    this.greeting = greeting;
    this.#child = child;
    this.#lines = lines;
  }

  get name(): string {
    return this.greeting.name;
  }

  /** Starts a peer and waits for its greeting. @throws Error with the last complaint it wrote, where it does not start */
  static async start([command, ...args]: readonly string[]): Promise<Peer> {
    const child = spawn(command!, args, { cwd: root, env: { OPENBLAS_CORETYPE: "Haswell", ...process.env } });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-4000);
    });
    child.stdin.on("error", () => {});
    const failure = new Promise<never>((_, reject) => child.on("error", reject));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const greeting = await Promise.race([nextLine(lines), failure]);
    if (greeting === undefined) {
      const error = complaint.split("\n").find((line) => /Error/.test(line));
      throw new Error(error?.trim() ?? "it ended at once");
    }
    return new Peer(child, lines, greeting as Greeting);
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

/** Starts every peer that is there; says which are missing, and what would help. No threads means WebGPU. */
export async function startPeers(threads: number, wanted: readonly string[] | undefined): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const { name, command, webgpu, advice } of declarations) {
    if (wanted !== undefined && !wanted.includes(name)) continue;
    if (threads === 0 && webgpu === undefined) continue;
    const line = threads === 0 ? webgpu : command(threads);
    if (line === undefined) {
      console.log(`${name}: left out with ${threads} threads on this Node${advice && ` (${advice})`}`);
      continue;
    }
    try {
      peers.push(await Peer.start(line));
    } catch (error) {
      console.log(`${name}: missing (${(error as Error).message}); ${advice}`);
    }
  }
  return peers;
}
