// Every function of libcublasLt in use: matrix products by NVIDIA's own kernels.

import { returning, type SignatureTable, status } from "./signatures.js";

/** The library's interface. Descriptors are handles. */
export const cublasLtFunctions = {
  cublasLtGetVersion: returning("uint64_t"),
  cublasLtCreate: status("void *"),
  cublasLtDestroy: status("uintptr_t"),
  /** out; compute type; scale type. */
  cublasLtMatmulDescCreate: status("void *", "int", "int"),
  cublasLtMatmulDescDestroy: status("uintptr_t"),
  cublasLtMatmulDescSetAttribute: status("uintptr_t", "int", "void *", "uint64_t"),
  /** out; type; rows; columns; leading dimension. */
  cublasLtMatrixLayoutCreate: status("void *", "int", "uint64_t", "uint64_t", "int64_t"),
  cublasLtMatrixLayoutDestroy: status("uintptr_t"),
  cublasLtMatrixLayoutSetAttribute: status("uintptr_t", "int", "void *", "uint64_t"),
  cublasLtMatmulPreferenceCreate: status("void *"),
  cublasLtMatmulPreferenceDestroy: status("uintptr_t"),
  cublasLtMatmulPreferenceSetAttribute: status("uintptr_t", "int", "void *", "uint64_t"),
  /** handle; product; layouts of A, B, C, D; preference; count asked for; results; count found. */
  cublasLtMatmulAlgoGetHeuristic: status(
    "uintptr_t",
    "uintptr_t",
    "uintptr_t",
    "uintptr_t",
    "uintptr_t",
    "uintptr_t",
    "uintptr_t",
    "int",
    "void *",
    "void *",
  ),
  /** handle; product; alpha; A and its layout; B and its; beta; C and its; D and its; algorithm; workspace; stream. */
  cublasLtMatmul: status(
    "uintptr_t",
    "uintptr_t",
    "void *",
    "uintptr_t",
    "uintptr_t",
    "uintptr_t",
    "uintptr_t",
    "void *",
    "uintptr_t",
    "uintptr_t",
    "uintptr_t",
    "uintptr_t",
    "void *",
    "uintptr_t",
    "uint64_t",
    "uintptr_t",
  ),
} as const satisfies SignatureTable;
