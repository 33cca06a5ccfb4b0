// TensorFlow.js on its WebAssembly backend: `tfjs.ts THREADS`.
import { loadPeer, peerVersion } from "../installed.js";
import { serve, threadsAsked } from "../serve.js";
import { type Tf, tfjsWorks } from "./tfjs-works.js";

// The whole library, since gradients are not in its core.
const tf = loadPeer<Tf>("@tensorflow/tfjs");
const wasm = loadPeer<{ setThreadsCount(count: number): void; getThreadsCount(): number }>(
  "@tensorflow/tfjs-backend-wasm",
);
wasm.setThreadsCount(threadsAsked());
await tf.setBackend("wasm");
const works = tfjsWorks(tf);
const [version, threads] = [peerVersion("@tensorflow/tfjs"), wasm.getThreadsCount()];
await serve({ version, threads }, ({ op, sizes }) => works[op]?.(sizes));
