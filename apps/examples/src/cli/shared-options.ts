// The options that every example takes, declared once for training and once for using a trained model.
import { choice, flag, integer, type OptionValues, path, wordOrLibrary } from "./option.js";

const deviceOptions = {
  backend: choice(["cpu", "cuda", "webgpu"], {
    help: "where the tensors live and are computed",
    default: "cpu",
    mayChange: true,
  }),
  blas: wordOrLibrary(["auto", "off"], {
    help: "a BLAS for the CPU's large matrix products: one that is found, none, or this library",
    default: "auto",
    mayChange: true,
  }),
  wide: flag({ help: "256-bit registers on the CPU, by an experimental flag of Node 24 and later", mayChange: true }),
  threads: integer({ min: 1, max: 256, help: "CPU threads, all cores by default", mayChange: true }),
  seed: integer({ max: 2 ** 32 - 1, help: "seed of every random number", default: 1337 }),
  help: flag({ help: "print this help" }),
} as const;

/** What `<example> [options]` takes besides the example's own options. */
export const sharedTrainOptions = {
  data: path({ help: "data to train on", mayChange: true }),
  steps: integer({ min: 1, help: "stop training after N steps, where the recipe has more", mayChange: true }),
  accumulate: integer({ min: 1, help: "batches whose gradients are summed up in one step", default: 1 }),
  out: path({ placeholder: "DIR", help: "run folder: configuration, metrics, curve, checkpoint", mayChange: true }),
  resume: path({ placeholder: "DIR", help: "continue the run in this folder", mayChange: true }),
  ...deviceOptions,
} as const;

/** What `<example> use [options]` takes besides the example's own options. */
export const sharedUseOptions = {
  from: path({ placeholder: "DIR", help: "run folder of the trained model, the newest by default" }),
  ...deviceOptions,
} as const;

/** Values of the shared training options. */
export type SharedTrainOptions = OptionValues<typeof sharedTrainOptions>;

/** Values of the shared options of `use`. */
export type SharedUseOptions = OptionValues<typeof sharedUseOptions>;
