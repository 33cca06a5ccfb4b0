// What the options of a model may be: its own, from one table a model, and those that it hands to its layers.

import { argumentError, Device, Generator } from "@torchium/tensor";
import type { ParameterOptions } from "@torchium/tensor/nn";
import {
  instance,
  number,
  type OptionSpec,
  type OptionTable,
  oneOf,
  optional,
  type Resolved,
  readOptions,
} from "@torchium/tensor/options";

/** The options as a model sees them: checked, defaults filled in; and those that its layers are made with. */
export type ResolvedModel<R> = Resolved<R> & { readonly parameters: ParameterOptions };

const parameterTable = {
  dtype: optional(oneOf(["float32", "float64"])),
  device: optional(instance("a Device", Device)),
  generator: optional(instance("a Generator", Generator)),
} satisfies OptionTable<ParameterOptions>;

/** A share that dropout may take: from 0 to below 1. */
export const dropoutShare = (fallback: number): OptionSpec<number> => number({ atLeast: 0, below: 1 }, fallback);

/** `given` checked against `table`, with defaults. @throws TensorError `argument`, naming the option and the value */
export function readModelOptions<R extends OptionTable<object>>(
  model: string,
  table: R,
  given: object,
): ResolvedModel<R> {
  const { dtype, device, generator, ...own } = readOptions(model, { ...table, ...parameterTable }, given);
  const parameters = {
    ...(dtype && { dtype }),
    ...(device && { device }),
    ...(generator && { generator }),
  };
  return { ...own, parameters } as unknown as ResolvedModel<R>;
}

/** @throws TensorError `argument` unless the heads share the width evenly */
export function checkHeads(
  model: string,
  { dModel, nhead }: { readonly dModel: number; readonly nhead: number },
): void {
  if (dModel % nhead !== 0) throw argumentError(model, "dModel", `a multiple of nhead (${nhead})`, dModel);
}
