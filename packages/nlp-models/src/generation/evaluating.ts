// Dropout off while a model is used, and each module as it was before afterwards.

import type { Module } from "@torchium/tensor/nn";

/** Puts every module of a model into evaluation mode; the function that comes back restores them. */
export function beginEvaluation(model: Module): () => void {
  const modes = model.modules().map((module) => [module, module.training] as const);
  model.eval();
  return () => {
    for (const [module, training] of modes) module.training = training;
  };
}

/** Runs `work` with the model in evaluation mode. */
export async function evaluating<R>(model: Module, work: () => Promise<R>): Promise<R> {
  const restore = beginEvaluation(model);
  return work().finally(restore);
}
