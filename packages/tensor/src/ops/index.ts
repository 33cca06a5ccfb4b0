// Every op, by family. The lists that tests and docs walk are derived from these modules.

export { asFactor } from "../autograd/autocast.js";
export { cast } from "../autograd/cast.js";
export { batchedMatmul } from "./anchors/matmul.js";
export { gatherRows, scatterAddRows } from "./anchors/rows-by-id.js";
export * from "./arithmetic.js";
export { embeddingDot } from "./embedding-dot.js";
export { embedding, gather, indexSelect, oneHot, positions, scatterAdd, tril, triu } from "./indexing.js";
export { type LoopResult, type LoopSpec, type LoopStep, loop } from "./loop.js";
export * from "./masked-softmax.js";
export * from "./maths.js";
export { bmm, einsum, matmul } from "./matmul.js";
export { nllRow } from "./nll.js";
export * from "./reduce.js";
export { addRows, addWeightedRows, mergeRows, setRows, takeRows } from "./row-updates.js";
export * from "./rows.js";
export * from "./select.js";
export * from "./shape-ops.js";
export * from "./softmax.js";
