// Rules for parameters of 16 bits: computed in float32, and rounded once when they are stored. The state has the
// parameter's dtype, as in PyTorch, whose fused optimizers compute in float32 too.

import type { Tensor } from "@torchium/tensor";
import type { CommonOptions, OptimizerDeclaration, RuleResult } from "./declaration.js";

type Rule<H extends CommonOptions, S extends string> = OptimizerDeclaration<H, S>["rule"];

/** `rule` for parameters of any floating dtype. */
export function wideRule<H extends CommonOptions, S extends string>(rule: Rule<H, S>): Rule<H, S> {
  return (input) => {
    const { dtype } = input.parameter;
    if (dtype !== "bfloat16" && dtype !== "float16") return rule(input);
    const to = <K extends string>(tensors: Readonly<Partial<Record<K, Tensor>>>, type: typeof dtype | "float32") =>
      Object.fromEntries(Object.entries<Tensor | undefined>(tensors).map(([k, t]) => [k, t?.to(type)]));
    const { parameter, gradient, state } = input;
    const wide = to({ parameter, gradient }, "float32") as { parameter: Tensor; gradient: Tensor };
    const result = rule({ ...input, ...wide, state: to(state, "float32") as typeof state });
    return { parameter: result.parameter.to(dtype), state: to(result.state, dtype) } as RuleResult<S>;
  };
}
