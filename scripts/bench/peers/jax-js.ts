// jax-js in Node: `jax-js.ts THREADS [wasm|webgpu]`. Its WebAssembly backend shares work with Web Workers only, which Node does
// not have, so here it runs on one thread.
import { loadPeer, peerVersion } from "../installed.js";
import { serve } from "../serve.js";
import { useDawn } from "./dawn.js";
import type { Jax } from "./jax-js-types.js";
import { jaxWorks } from "./jax-js-works.js";

const jax = loadPeer<Jax>("@jax-js/jax");
const backend = process.argv[3] ?? "wasm";
if (backend === "webgpu") await useDawn();
await jax.init(backend);
jax.defaultDevice(backend);
const works = jaxWorks(jax);
await serve({ version: peerVersion("@jax-js/jax"), threads: 1 }, ({ op, sizes }) => works[op]?.(sizes));
