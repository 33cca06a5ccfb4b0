// What an example is: one value that says its name, its options, how it trains and how its model is used.
// The command line, the help text and the configuration file are all derived from it.
import { TensorError } from "@torchium/tensor";
import { type OptionDeclarations, type OptionValues, optionFlag } from "./cli/option.js";
import {
  type SharedTrainOptions,
  type SharedUseOptions,
  sharedTrainOptions,
  sharedUseOptions,
} from "./cli/shared-options.js";
import type { TrainingRun } from "./run/training-run.js";

/** A fact about a run that its data and options fix, such as the vocabulary size or the number of parameters. */
export type Fact = string | number | boolean;

/** What `train` gets. */
export interface TrainContext<T extends OptionDeclarations = OptionDeclarations> {
  /** A value for every option, the example's own and the shared ones. */
  readonly options: OptionValues<T> & SharedTrainOptions;
  /** Where the run is recorded and shown; handed to `train` of `training-loop.ts`. */
  readonly run: TrainingRun;
  /**
   * Prints facts, and stores them in the configuration file when training begins. A run is only resumed
   * when its facts are the same again: other data or another model is an error, not a silent surprise.
   */
  describe(facts: Readonly<Record<string, Fact>>): void;
  /** Prints a line. */
  print(line: string): void;
}

/** What `use` gets. */
export interface UseContext<
  T extends OptionDeclarations = OptionDeclarations,
  U extends OptionDeclarations = OptionDeclarations,
> {
  /** A value for every option of `use`, the example's own and the shared ones. */
  readonly options: OptionValues<U> & SharedUseOptions;
  /** The words after the options: a sentence, a prompt, words to look up. */
  readonly words: readonly string[];
  /** What the model was trained with. */
  readonly trained: {
    readonly options: OptionValues<T> & SharedTrainOptions;
    readonly facts: Readonly<Record<string, Fact>>;
    /** The folder that `save` of the training loop wrote. */
    readonly checkpoint: string;
  };
  /** Prints a line. */
  print(line: string): void;
}

/** One example as its file declares it. */
export interface ExampleDefinition<T extends OptionDeclarations, U extends OptionDeclarations> {
  /** The word that runs it: lower case, digits and hyphens. */
  readonly name: string;
  /** What it is, in a few words. */
  readonly title: string;
  /** What `--data` takes, and what is used without it. */
  readonly data: string;
  /** Options of training, by camelCase name. */
  readonly options: T;
  /** Options of `use`, by camelCase name. */
  readonly useOptions: U;
  /** What the words after the options of `use` mean; without it, words are an error. */
  readonly input?: string;
  /** Trains a model, through `train` of `training-loop.ts`. */
  train(context: TrainContext<T>): Promise<void>;
  /** Uses a trained model: generates, translates, looks up, classifies, tags. */
  use(context: UseContext<T, U>): Promise<void>;
}

/** Any example. */
export type Example = ExampleDefinition<OptionDeclarations, OptionDeclarations>;

/**
 * Declares an example. The types of `context.options` follow from the declared options.
 * @throws TensorError `argument` when a name is malformed or an option is declared a second time.
 */
export function defineExample<const T extends OptionDeclarations, const U extends OptionDeclarations>(
  definition: ExampleDefinition<T, U>,
): ExampleDefinition<T, U> {
  const { name, options, useOptions } = definition;
  if (!/^[a-z][a-z0-9-]*$/.test(name) || name === "use") {
    const message = `defineExample: name must be lower-case letters, digits and hyphens, got ${JSON.stringify(name)}`;
    throw new TensorError("argument", message, { name });
  }
  const clashes = [
    ...Object.keys(options).filter((option) => option in sharedTrainOptions),
    ...Object.keys(useOptions).filter((option) => option in sharedUseOptions),
  ];
  if (clashes.length > 0) {
    const message = `defineExample: ${name} declares shared options again, got ${clashes.map(optionFlag).join(", ")}`;
    throw new TensorError("argument", message, { name, clashes });
  }
  return definition;
}
