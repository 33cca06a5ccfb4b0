import { createCpuDevice, type Device, manualSeed, setDefaultDevice, TensorError, Tensor, tensor } from "@torchium/tensor";
import { describe, expect, it } from "vitest";
