// The activations that models offer by name.

import { gelu, geluTanh, relu, silu, type Tensor } from "@torchium/tensor";

/** The name of an activation. */
export type Activation = "relu" | "gelu" | "geluTanh" | "silu";

/** Activations by name: PyTorch's names, and GELU's tanh form, which Hugging Face calls `gelu_new`. */
export const activations: Readonly<Record<Activation, (x: Tensor) => Tensor>> = { relu, gelu, geluTanh, silu };

/** All names. */
export const activationNames = Object.keys(activations) as readonly Activation[];
