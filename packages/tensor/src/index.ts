// The public surface of @torchium/tensor: every name that users import from the package itself.
export { argumentError, type ErrorCode, shapeError, TensorError } from "./errors.js";
