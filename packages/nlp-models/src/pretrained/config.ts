// The config.json of a checkpoint: fields with Hugging Face's names and defaults, checked one by one.

import { TensorError } from "@torchium/tensor";
import type { Activation } from "../models/activation.js";
import { describe, formatError, isRecord } from "../text/json-fields.js";

/** Checked access to the fields of a configuration. Every method throws `format` when the field is something else. */
export interface PretrainedConfig {
  /** A number; `fallback` where the field is absent or null, an error without one. */
  number(name: string, fallback?: number): number;
  boolean(name: string, fallback: boolean): boolean;
  /** One of our activations, from Hugging Face's name for it. */
  activation(name: string, fallback: string): Activation;
  /** @throws TensorError `unsupported` when the field is given and is not `expected` */
  only(name: string, expected: unknown): void;
  /** The field as it is. */
  value(name: string): unknown;
}

const activationsByName: Readonly<Record<string, Activation>> = {
  gelu: "gelu",
  gelu_new: "geluTanh",
  gelu_pytorch_tanh: "geluTanh",
  relu: "relu",
  silu: "silu",
  swish: "silu",
};

/** A parsed config.json of the model type. @throws TensorError `format`, `unsupported` for another model type */
export function readConfig(op: string, config: unknown, modelType: string): PretrainedConfig {
  if (!isRecord(config)) throw formatError(op, `not a config.json, got ${describe(config)}`);
  const wrong = (name: string, expected: string): TensorError =>
    formatError(op, `field ${name} is wrong, got ${describe(config[name])}, expected ${expected}`);
  const unsupported = (name: string, expected: string): TensorError =>
    new TensorError(
      "unsupported",
      `${op}: field ${name} is not supported, got ${describe(config[name])}, expected ${expected}`,
      {
        op,
        field: name,
      },
    );
  if ((config.model_type ?? modelType) !== modelType) throw unsupported("model_type", describe(modelType));
  return {
    number(name, fallback) {
      const value = config[name] ?? fallback;
      if (typeof value === "number") return value;
      throw wrong(name, "a number");
    },
    boolean(name, fallback) {
      const value = config[name] ?? fallback;
      if (typeof value === "boolean") return value;
      throw wrong(name, "true or false");
    },
    activation(name, fallback) {
      const value = config[name] ?? fallback;
      const known = typeof value === "string" && Object.hasOwn(activationsByName, value);
      if (known) return activationsByName[value]!;
      throw unsupported(name, `one of ${Object.keys(activationsByName).join(", ")}`);
    },
    only(name, expected) {
      if ((config[name] ?? expected) !== expected) throw unsupported(name, describe(expected));
    },
    value: (name) => config[name],
  };
}
