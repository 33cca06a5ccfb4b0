// The public surface of @torchium/tensor/io: safetensors files and checkpoints.

export type { BytesOrPath } from "./byte-source.js";
export {
  type Checkpoint,
  type CheckpointPart,
  type LoadCheckpointOptions,
  loadCheckpoint,
  type Stateful,
  saveCheckpoint,
} from "./checkpoint.js";
export { deserializeCheckpoint, serializeCheckpoint } from "./checkpoint-bytes.js";
export type { CheckpointValue } from "./checkpoint-tree.js";
export {
  inspectSafetensors,
  type LoadOptions,
  loadSafetensors,
  type Metadata,
  type NamedTensors,
  type SafetensorsInfo,
  saveSafetensors,
  serializeSafetensors,
} from "./safetensors.js";
