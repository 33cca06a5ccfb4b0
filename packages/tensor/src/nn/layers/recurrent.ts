// LSTM and GRU over whole sequences, with PyTorch's parameters, layouts and results. Sequences of different lengths are
// given by `lengths` instead of being packed: a sequence's padding changes nothing.

import { zeros } from "../../creation.js";
import { argumentError, shapeError } from "../../errors.js";
import { cat, stack } from "../../functions.js";
import { loop, positions } from "../../ops/index.js";
import type { Generator } from "../../random.js";
import type { Tensor } from "../../tensor.js";
import { any, checkFloat, checkShape } from "../checks.js";
import { dropout } from "../functional/dropout.js";
import { linear } from "../functional/linear.js";
import { uniformValues } from "../init/values.js";
import { Module } from "../module.js";
import { checkCount, checkOptions, checkProbability, type ParameterOptions, parameterOptions } from "../options.js";
import { Parameter } from "../parameter.js";
import { type Cell, gruCell, lstmCell, maskedStep } from "./recurrent-cells.js";
import { lengthsTensor } from "./sequence-lengths.js";

/** Options of `LSTM` and `GRU`. */
export type RecurrentOptions = ParameterOptions & {
  /** Layers on top of each other; 1 unless given. */
  readonly numLayers?: number;
  /** Whether there are biases; true unless given. */
  readonly bias?: boolean;
  /** [batch, length, width] instead of [length, batch, width]; false unless given. */
  readonly batchFirst?: boolean;
  /** Dropout after every layer but the last; 0 unless given. */
  readonly dropout?: number;
  /** Whether each layer also runs backwards, its outputs joined to the forward ones; false unless given. */
  readonly bidirectional?: boolean;
};

/** Options of a call. */
export type RecurrentCall = {
  /** How many real steps each sequence has, [batch]; what follows them is not read, and gives zeros. */
  readonly lengths?: Tensor | readonly number[] | undefined;
};

type Weights = {
  readonly inputs: Tensor;
  readonly hidden: Tensor;
  readonly inputBias: Tensor | undefined;
  readonly hiddenBias: Tensor | undefined;
};

abstract class Recurrent extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly #cell: Cell;
  readonly #generator: Generator | undefined;

  protected constructor(cell: Cell, inputSize: number, hiddenSize: number, options: RecurrentOptions) {
    super();
    const op = this.constructor.name;
    checkCount(op, "inputSize", inputSize);
    checkCount(op, "hiddenSize", hiddenSize);
    checkOptions(op, options, ["numLayers", "bias", "batchFirst", "dropout", "bidirectional", ...parameterOptions]);
    const { numLayers = 1, bias = true, batchFirst = false, dropout: p = 0, bidirectional = false } = options;
    checkCount(op, "numLayers", numLayers);
    checkProbability(op, "dropout", p);
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.bias = bias;
    this.batchFirst = batchFirst;
    this.dropout = p;
    this.bidirectional = bidirectional;
    this.#cell = cell;
    this.#generator = options.generator;
    const rows = cell.gates * hiddenSize;
    const bound = 1 / Math.sqrt(hiddenSize);
    const made = (...shape: number[]): Parameter => new Parameter(uniformValues(shape, -bound, bound, options));
    this.#eachDirection((layer, suffix) => {
      const width = layer === 0 ? inputSize : hiddenSize * this.#directions;
      Object.assign(this, { [`weightIh${suffix}`]: made(rows, width), [`weightHh${suffix}`]: made(rows, hiddenSize) });
      if (bias) Object.assign(this, { [`biasIh${suffix}`]: made(rows), [`biasHh${suffix}`]: made(rows) });
    });
  }

  /** Output and last states of batched or single sequences. `initial` holds one array a state, or is undefined. */
  protected run(
    input: Tensor,
    initial: readonly Tensor[] | undefined,
    call: RecurrentCall,
  ): { readonly output: Tensor; readonly states: readonly Tensor[] } {
    const op = this.constructor.name;
    checkFloat(op, "the input", input);
    checkOptions(`${op}.forward`, call, ["lengths"]);
    if (input.ndim === 2) {
      const { output, states } = this.#steps(
        input.unsqueeze(1),
        initial?.map((s) => s.unsqueeze(1)),
        call,
      );
      return { output: output.squeeze(1), states: states.map((s) => s.squeeze(1)) };
    }
    checkShape(op, "the input", input, [any, any, this.inputSize], true);
    if (!this.batchFirst) return this.#steps(input, initial, call);
    const { output, states } = this.#steps(input.transpose(0, 1), initial, call);
    return { output: output.transpose(0, 1), states };
  }

  /** The same over [length, batch, inputSize]. */
  #steps(input: Tensor, initial: readonly Tensor[] | undefined, { lengths }: RecurrentCall) {
    const op = this.constructor.name;
    checkShape(op, "the input", input, [any, any, this.inputSize], true);
    const [length, batch] = input.shape as [number, number, number];
    if (length === 0) throw shapeError(op, "a sequence needs at least one step", [input.shape]);
    const layers = this.numLayers * this.#directions;
    const start = initial ?? [];
    start.forEach((s, k) => {
      checkFloat(op, `initial state ${k + 1}`, s);
      checkShape(op, `initial state ${k + 1}`, s, [layers, batch, this.hiddenSize], true);
    });
    const valid = lengths && validSteps(lengthsTensor(op, lengths, batch, length, input.device), length, batch);
    const { dtype, device } = input;
    const empty = (): Tensor => zeros([batch, this.hiddenSize], { dtype, device });
    const last: Tensor[][] = Array.from({ length: this.#cell.states }, () => []);
    let x = input;
    for (let layer = 0; layer < this.numLayers; layer++) {
      const outputs = Array.from({ length: this.#directions }, (_, direction) => {
        const at = layer * this.#directions + direction;
        const states = last.map((_, k) => start[k]?.select(0, at) ?? empty());
        const result = this.#direction(x, states, this.#weights(suffixOf(layer, direction)), direction === 1, valid);
        result.states.forEach((s, k) => {
          last[k]!.push(s);
        });
        return result.output;
      });
      x = cat(outputs, -1);
      if (layer < this.numLayers - 1) {
        x = dropout(x, this.dropout, { training: this.training, generator: this.#generator });
      }
    }
    return { output: x, states: last.map((list) => stack(list)) };
  }

  #direction(x: Tensor, states: readonly Tensor[], w: Weights, reverse: boolean, valid: Tensor | undefined) {
    const cell = this.#cell;
    const { inputs, constant } = this.#inputPart(x, w);
    const { outputs, histories } = loop<Tensor>(this.constructor.name, {
      sequences: valid ? [inputs, valid] : [inputs],
      states,
      constants: constant ? [constant] : [],
      projections: [{ state: 0, weight: w.hidden }],
      reverse,
      body: (step) => {
        const [input, real] = step.inputs;
        const { states: before, projected, constants } = step;
        const s = { input: input!, states: before, projected: projected[0]!, constant: constants[0] };
        const { states: after, output } = maskedStep(cell, s, real);
        return { states: after, outputs: [output] };
      },
    });
    return { output: outputs[0]!, states: histories.map((h) => h.select(0, x.shape[0]!)) };
  }

  /** The input's part of all gates at all steps, with the biases that can be added before the loop. */
  #inputPart(x: Tensor, { inputs, inputBias, hiddenBias }: Weights) {
    if (!inputBias || !hiddenBias) return { inputs: linear(x, inputs), constant: undefined };
    const { gates, merged } = this.#cell;
    if (merged === gates) return { inputs: linear(x, inputs, inputBias.add(hiddenBias)), constant: undefined };
    const [early, constant] = hiddenBias.split([merged * this.hiddenSize, (gates - merged) * this.hiddenSize]);
    return { inputs: linear(x, inputs, inputBias.add(early!.pad(0, 0, constant!.numel))), constant: constant! };
  }

  get #directions(): number {
    return this.bidirectional ? 2 : 1;
  }

  #eachDirection(fn: (layer: number, suffix: string) => void): void {
    for (let layer = 0; layer < this.numLayers; layer++) {
      for (let direction = 0; direction < this.#directions; direction++) fn(layer, suffixOf(layer, direction));
    }
  }

  #weights(suffix: string): Weights {
    const own = this as unknown as Readonly<Record<string, Parameter | undefined>>;
    return {
      inputs: own[`weightIh${suffix}`]!,
      hidden: own[`weightHh${suffix}`]!,
      inputBias: own[`biasIh${suffix}`],
      hiddenBias: own[`biasHh${suffix}`],
    };
  }
}

const suffixOf = (layer: number, direction: number): string => `L${layer}${direction === 1 ? "Reverse" : ""}`;

/** Whether each step of each sequence is real, [length, batch, 1]. */
const validSteps = (lengths: Tensor, length: number, batch: number): Tensor =>
  positions(zeros([length, batch, 1], { dtype: "int32", device: lengths.device }), 0).lt(lengths.reshape(1, batch, 1));

/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997). Parameters `weightIhL0`, `weightHhL0`, `biasIhL0`,
 * `biasHhL0`, `weightIhL0Reverse`, …, all uniform within ±1/√hiddenSize at first.
 */
export class LSTM extends Recurrent {
  /** @throws TensorError `argument` */
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(lstmCell, inputSize, hiddenSize, options);
  }

  /**
   * Input [length, batch, inputSize] (or as `batchFirst` says, or without a batch) and initial states, zeros unless
   * given, [layers·directions, batch, hiddenSize] each. Gives the output [length, batch, directions·hiddenSize] and the
   * last states. @throws TensorError `shape`, `dtype`, `argument`
   */
  forward(
    input: Tensor,
    state?: readonly [h: Tensor, c: Tensor],
    call: RecurrentCall = {},
  ): [output: Tensor, state: [h: Tensor, c: Tensor]] {
    if (state !== undefined && !(Array.isArray(state) && state.length === 2)) {
      throw argumentError("LSTM", "the initial state", "[h, c]", state);
    }
    const { output, states } = this.run(input, state, call);
    return [output, [states[0]!, states[1]!]];
  }
}

/**
 * Gated recurrent unit (Cho et al., arXiv 1406.1078), its reset gate after the product as in cuDNN. Parameters as
 * `LSTM`'s.
 */
export class GRU extends Recurrent {
  /** @throws TensorError `argument` */
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(gruCell, inputSize, hiddenSize, options);
  }

  /**
   * Input [length, batch, inputSize] (or as `batchFirst` says, or without a batch) and an initial state, zeros unless
   * given, [layers·directions, batch, hiddenSize]. Gives the output [length, batch, directions·hiddenSize] and the last
   * state. @throws TensorError `shape`, `dtype`, `argument`
   */
  forward(input: Tensor, state?: Tensor, call: RecurrentCall = {}): [output: Tensor, state: Tensor] {
    const { output, states } = this.run(input, state && [state], call);
    return [output, states[0]!];
  }
}
