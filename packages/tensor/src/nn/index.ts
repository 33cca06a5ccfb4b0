// The public surface of @torchium/tensor/nn.

export { Module } from "./module.js";
export { Parameter } from "./parameter.js";
export type { LoadOptions, LoadResult, StateDict } from "./state-dict.js";
