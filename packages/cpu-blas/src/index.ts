// The public surface of @torchium/cpu-blas. Importing it loads nothing and never throws.

export { type BlasLibrary, type FindBlasOptions, findBlas } from "./find-blas.js";
