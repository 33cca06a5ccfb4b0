// Activations as modules, and Dropout.

import { checkFinite } from "../../arguments.js";
import { argumentError } from "../../errors.js";
import * as f from "../../functions.js";
import type { Generator } from "../../random.js";
import type { Tensor } from "../../tensor.js";
import { elu, type GeluOptions, gelu, glu, hardtanh, leakyRelu } from "../functional/activations.js";
import { dropout } from "../functional/dropout.js";
import { Module } from "../module.js";
import { checkOptions, checkProbability } from "../options.js";

/** `max(x, 0)`. */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return f.relu(x);
  }
}

/** x where x > 0, else a slope times x. */
export class LeakyReLU extends Module {
  readonly negativeSlope: number;

  /** @param negativeSlope 0.01 unless given */
  constructor(negativeSlope = 0.01) {
    super();
    checkFinite("LeakyReLU", "negativeSlope", negativeSlope);
    this.negativeSlope = negativeSlope;
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, { negativeSlope: this.negativeSlope });
  }
}

/** `x Φ(x)` (arXiv 1606.08415), exact, or by tanh when `approximate` is "tanh". */
export class GELU extends Module {
  readonly approximate: "none" | "tanh";

  /** @throws TensorError `argument` */
  constructor(options: GeluOptions = {}) {
    super();
    checkOptions("GELU", options, ["approximate"]);
    const { approximate = "none" } = options;
    if (approximate !== "none" && approximate !== "tanh") {
      throw argumentError("GELU", "approximate", '"none" or "tanh"', approximate);
    }
    this.approximate = approximate;
  }

  forward(x: Tensor): Tensor {
    return gelu(x, { approximate: this.approximate });
  }
}

/** `x σ(x)`. */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return f.silu(x);
  }
}

/** Hyperbolic tangent. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return f.tanh(x);
  }
}

/** `1/(1 + e^−x)`. */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return f.sigmoid(x);
  }
}

/** x where x > 0, else `alpha·(e^x − 1)`. */
export class ELU extends Module {
  readonly alpha: number;

  /** @param alpha 1 unless given @throws TensorError `argument` */
  constructor(alpha = 1) {
    super();
    checkFinite("ELU", "alpha", alpha);
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return elu(x, { alpha: this.alpha });
  }
}

/** `ln(1 + e^x)`. */
export class Softplus extends Module {
  forward(x: Tensor): Tensor {
    return f.softplus(x);
  }
}

/** `ln σ(x)`. */
export class LogSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return f.logSigmoid(x);
  }
}

/** x held within two bounds. */
export class Hardtanh extends Module {
  readonly minVal: number;
  readonly maxVal: number;

  /** Between −1 and 1 unless given. @throws TensorError `argument` */
  constructor(minVal = -1, maxVal = 1) {
    super();
    checkFinite("Hardtanh", "minVal", minVal);
    checkFinite("Hardtanh", "maxVal", maxVal);
    if (minVal >= maxVal) throw argumentError("Hardtanh", "bounds", "low below high", [minVal, maxVal]);
    this.minVal = minVal;
    this.maxVal = maxVal;
  }

  forward(x: Tensor): Tensor {
    return hardtanh(x, { minVal: this.minVal, maxVal: this.maxVal });
  }
}

abstract class AlongDim extends Module {
  readonly dim: number;

  /** @param dim counted from the end when negative; the last unless given */
  constructor(dim = -1) {
    super();
    if (!Number.isInteger(dim)) throw argumentError(this.constructor.name, "dim", "an integer", dim);
    this.dim = dim;
  }
}

/** `e^x / Σ e^x` along a dim. */
export class Softmax extends AlongDim {
  forward(x: Tensor): Tensor {
    return f.softmax(x, this.dim);
  }
}

/** `x − ln Σ e^x` along a dim. */
export class LogSoftmax extends AlongDim {
  forward(x: Tensor): Tensor {
    return f.logSoftmax(x, this.dim);
  }
}

/** `a σ(b)` of the two halves of a dim. */
export class GLU extends AlongDim {
  forward(x: Tensor): Tensor {
    return glu(x, this.dim);
  }
}

/** In training, x / (1 − p) with each element dropped with probability p; in evaluation x. */
export class Dropout extends Module {
  readonly p: number;
  readonly #generator: Generator | undefined;

  /** @param p 0.5 unless given @throws TensorError `argument` */
  constructor(p = 0.5, options: { readonly generator?: Generator } = {}) {
    super();
    checkProbability("Dropout", "p", p);
    checkOptions("Dropout", options, ["generator"]);
    this.p = p;
    this.#generator = options.generator;
  }

  forward(x: Tensor): Tensor {
    const { p, training } = this;
    return dropout(x, p, { training, generator: this.#generator });
  }
}
