// Initialisation of parameters in place, as PyTorch's torch.nn.init.

export {
  constant,
  type DrawOptions,
  normal,
  ones,
  type TruncNormalOptions,
  truncNormal,
  uniform,
  zeros,
} from "./fill.js";
export {
  calculateGain,
  type KaimingOptions,
  kaimingNormal,
  kaimingUniform,
  type Nonlinearity,
  orthogonal,
  type XavierOptions,
  xavierNormal,
  xavierUniform,
} from "./scaled.js";
