// The devices that every test of the core runs on.

import { createCpuDevice } from "../cpu/device.js";
import { Device } from "../graph/device.js";
import { createReferenceBackend } from "../reference/index.js";

const anchors = [
  ...["matmul", "gather", "scatterAdd", "gatherDot", "gatherSum", "scatterOuter"],
  ...["scan", "sort", "attention", "attentionGradient"],
] as const;

/** Makers of the devices under test, by name. */
export const testDevices = {
  reference: async () => new Device(createReferenceBackend()),
  "reference without anchors": async () => new Device(createReferenceBackend({ declines: anchors })),
  cpu: () => createCpuDevice({ threads: 2 }),
} as const satisfies Record<string, () => Promise<Device>>;
