// Who takes part: ours in its variants, and every peer that is installed.
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { root } from "../lib/repository.js";
import type { OtherNode } from "./node-versions.js";
import { Peer } from "./peer.js";
import type { Row } from "./rows.js";

/** How a peer comes to be. */
interface Declaration {
  readonly name: string;
  /** Its command with that many threads, none of the processor's for WebGPU; or why it takes no part. */
  command(threads: number): readonly string[] | string;
  /** What to do when it is missing. */
  readonly advice: string;
  /** Whose kernels an OpenBLAS in it shall take; those that fit the processor, unless it says so. */
  readonly core?: string;
  /** The rows that it is asked for; all, unless it says so. */
  offers?(row: Row): boolean;
}

const folder = join(root, "scripts", "bench", "peers");
const runner = join(root, "scripts", "run.mjs");
const onNode = (program: string, file: string, ...args: readonly (string | number)[]): readonly string[] => [
  ...[program, runner, "ts", join(folder, file)],
  ...args.map(String),
];
const typescript = (file: string, ...args: readonly (string | number)[]): readonly string[] =>
  onNode(process.execPath, file, ...args);

/** Debian's Python packages take the system's OpenBLAS, which may mistake a processor that is newer than itself. */
const debianCore = process.env.OPENBLAS_CORETYPE ?? "Haswell";

/** The system's own Python, which is the one that the system's packages are for. */
const systemPython = "/usr/bin/python3";
const gensimPython = process.env.GENSIM_PYTHON ?? (existsSync(systemPython) ? systemPython : "python3");

const notOnGpu = "it has no WebGPU";
const otherResults = "its WebGPU preview gives other results on Dawn";
const notHere = "it is measured on the processor";
const browserAdvice = "apt-get install chromium, or name one in CHROMIUM_PATH";
const isKernel = ({ group }: Row): boolean => group === "kernels" || group === "machine";
const unlessMachine = ({ group }: Row): boolean => group !== "machine" && group !== "words";
const inBrowsers = (row: Row): boolean => row.main === true && unlessMachine(row);
const blasAdvice = "install libopenblas0-pthread, or name the library in OPENBLAS_LIB";

const declarations: readonly Declaration[] = [
  {
    name: "ours",
    command: (threads) => (threads === 0 ? typescript("torchium-webgpu.ts") : typescript("torchium.ts", threads)),
    advice: "",
  },
  {
    name: "ours, wide",
    // The option takes effect from Node 24 on.
    command: (threads) => {
      if (threads === 0) return notOnGpu;
      if (Number(process.versions.node.split(".")[0]) < 24) return "wide registers need Node 24";
      return typescript("torchium.ts", threads, "wide");
    },
    advice: "",
  },
  {
    name: "ours + BLAS",
    command: (threads) => (threads === 0 ? notOnGpu : typescript("torchium.ts", threads, "blas")),
    advice: blasAdvice,
  },
  {
    name: "PyTorch",
    command: (threads) =>
      threads === 0 ? notOnGpu : [process.env.TORCH_PYTHON ?? "python3", join(folder, "pytorch.py"), String(threads)],
    advice: "python3 -m pip install torch, or name a Python that has it in TORCH_PYTHON",
    core: debianCore,
  },
  {
    name: "gensim",
    command: (threads) => (threads === 0 ? notOnGpu : [gensimPython, join(folder, "gensim_words.py"), String(threads)]),
    advice: "apt-get install python3-gensim, or name a Python that has it in GENSIM_PYTHON",
    core: debianCore,
    offers: ({ op }) => op === "word2vecTraining",
  },
  {
    name: "OpenBLAS",
    command: (threads) => (threads === 0 ? notOnGpu : typescript("openblas.ts", threads)),
    advice: blasAdvice,
    offers: isKernel,
  },
  {
    name: "OpenBLAS (AVX2)",
    command: (threads) => {
      if (threads === 0) return notOnGpu;
      return process.arch === "x64" ? typescript("openblas.ts", threads) : "this processor has no AVX2";
    },
    advice: blasAdvice,
    core: "Haswell",
    offers: isKernel,
  },
  {
    name: "C",
    command: (threads) => (threads === 0 ? notOnGpu : typescript("c-loops.ts", threads)),
    advice: "install a C compiler as cc, or name one in CC",
    offers: isKernel,
  },
  {
    name: "the adapter",
    command: (threads) => (threads === 0 ? typescript("adapter.ts") : "it is measured on WebGPU"),
    advice: "",
    offers: ({ op }) => op === "copy",
  },
  {
    name: "jax-js",
    command: (threads) => {
      if (threads > 1) return "it shares work with Web Workers, which Node does not have";
      return threads === 0 ? typescript("jax-js.ts", 1, "webgpu") : typescript("jax-js.ts", threads);
    },
    advice: "npm run bench -- --install-peers",
    offers: unlessMachine,
  },
  {
    name: "tfjs",
    command: (threads) => (threads === 0 ? otherResults : typescript("tfjs.ts", threads)),
    advice: "npm run bench -- --install-peers",
    offers: unlessMachine,
  },
  {
    name: "ours, Chromium",
    command: (threads) => {
      if (threads === 0) return notHere;
      return threads === 1
        ? typescript("chromium.ts", 1, "ours", "plain")
        : "a page that is not isolated has one thread";
    },
    advice: browserAdvice,
    offers: inBrowsers,
  },
  {
    name: "ours, Chromium, isolated",
    command: (threads) => (threads === 0 ? notHere : typescript("chromium.ts", threads, "ours", "isolated")),
    advice: browserAdvice,
    offers: inBrowsers,
  },
  {
    name: "jax-js, Chromium",
    // It takes all threads where it may share memory, and one where it may not.
    command: (threads) => {
      if (threads === 0) return notHere;
      if (threads !== 1 && threads !== availableParallelism()) return "it takes one thread or all";
      return typescript("chromium.ts", threads, "jax-js", threads === 1 ? "plain" : "isolated");
    },
    advice: `npm run bench -- --install-peers, and ${browserAdvice}`,
    offers: inBrowsers,
  },
];

/** Ours on another Node. */
const onOtherNode = ({ name, program }: OtherNode): Declaration => ({
  name: `ours, ${name}`,
  command: (threads) => {
    if (threads === 0) return notHere;
    return program === undefined
      ? "missing; npm run bench -- --install-peers, or --node PATH"
      : onNode(program, "torchium.ts", threads);
  },
  advice: "name another in --node",
});

/** The peers that a set of rows is asked of, and why others are not among them. */
export interface Participants {
  readonly peers: readonly Peer[];
  readonly missing: Readonly<Record<string, string>>;
}

/** What is asked for. */
export interface Asked {
  /** Names; undefined for everybody. */
  readonly peers: readonly string[] | undefined;
  /** Nodes that ours runs on as well. */
  readonly nodes: readonly OtherNode[];
}

/** Starts every peer that is there and has work in one of the rows. */
export async function startPeers(
  threads: number,
  rows: readonly Row[],
  { peers: wanted, nodes }: Asked,
): Promise<Participants> {
  const peers: Peer[] = [];
  const missing: Record<string, string> = {};
  const [ours, ...others] = declarations;
  const known = [ours!, ...nodes.map(onOtherNode), ...others];
  const stranger = wanted?.find((name) => !known.some((one) => one.name === name));
  if (stranger !== undefined) {
    const names = known.map(({ name }) => name).join("; ");
    throw new Error(`bench: --peers has an unknown name, got ${stranger}, expected some of ${names}`);
  }
  for (const { name, command, advice, core, offers = () => true } of known) {
    if ((wanted !== undefined && !wanted.includes(name)) || !rows.some(offers)) continue;
    const line = command(threads);
    if (typeof line === "string") {
      missing[name] = line;
      continue;
    }
    try {
      peers.push(await Peer.start({ name, offers }, line, core === undefined ? {} : { OPENBLAS_CORETYPE: core }));
    } catch (error) {
      missing[name] = `missing (${(error as Error).message})${advice && `; ${advice}`}`;
    }
  }
  return { peers, missing };
}
