// The activations that models offer by name.

import { gelu, geluTanh, relu, silu, type Tensor } from "@torchium/tensor";

/** Activations by name: PyTorch's names, and GELU's tanh form, which Hugging Face calls `gelu_new`. */
export const activations = { relu, gelu, geluTanh, silu } as const satisfies Record<string, (x: Tensor) => Tensor>;

/** The name of an activation. */
export type Activation = keyof typeof activations;

/** All names. */
export const activationNames = Object.keys(activations) as readonly Activation[];
