// What the page of the browser's peers can do, as functions for chromium.ts to call.
import { createCpuDevice, setDefaultDevice } from "@torchium/tensor";
import { type Answer, answerer, type Request, untilFinished, type Works } from "../work.js";
import type { Jax } from "./jax-js-types.js";
import { jaxWorks } from "./jax-js-works.js";
import { torchiumWorks } from "./torchium-works.js";

/** The page's functions. */
export interface BrowserPeer {
  /** Makes ours ready with so many threads, or jax-js, which takes all there are. */
  start(library: "ours" | "jax-js", threads: number): Promise<void>;
  answer(request: Request): Promise<Answer>;
}

const starts = {
  ours: async (threads: number): Promise<Works> => {
    const device = await createCpuDevice({ threads });
    setDefaultDevice(device);
    const finishing = Object.entries(torchiumWorks).map(([op, make]) => {
      return [op, (sizes: Parameters<typeof make>[0]) => untilFinished(make(sizes), device)] as const;
    });
    return Object.fromEntries(finishing);
  },
  "jax-js": async (): Promise<Works> => {
    // A file of its own beside the page: only there when the library is installed.
    const file = "./jax-js.js";
    const jax = (await import(file)) as Jax;
    await jax.init("wasm");
    jax.defaultDevice("wasm");
    return jaxWorks(jax);
  },
} as const;

let works: Works = {};
const peer: BrowserPeer = {
  start: async (library, threads) => {
    works = await starts[library](threads);
  },
  answer: answerer(({ op, sizes }) => works[op]?.(sizes)),
};

Object.assign(globalThis, { peer });
