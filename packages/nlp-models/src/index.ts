// The public surface of @torchium/nlp-models: every name that users import from the package.
export * from "./batching/index.js";
export * from "./datasets/index.js";
export * from "./generation/index.js";
export * from "./metrics/index.js";
export * from "./models/index.js";
export * from "./pretrained/index.js";
export * from "./sampling/index.js";
export * from "./text/index.js";
