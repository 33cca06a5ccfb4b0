// Every function of libnvrtc in use: kernels' text in, machine code out.

import { returning, type SignatureTable, status } from "./signatures.js";

/** The run-time compiler's interface. */
export const nvrtcFunctions = {
  nvrtcVersion: status("void *", "void *"),
  nvrtcGetErrorString: returning("const char *", "int"),
  nvrtcGetNumSupportedArchs: status("void *"),
  nvrtcGetSupportedArchs: status("void *"),
  /** program; source; name; count of headers, their texts, their names. */
  nvrtcCreateProgram: status("void *", "const char *", "const char *", "int", "uintptr_t", "uintptr_t"),
  nvrtcDestroyProgram: status("void *"),
  /** program; count of options; the options. */
  nvrtcCompileProgram: status("uintptr_t", "int", "const char **"),
  nvrtcGetProgramLogSize: status("uintptr_t", "void *"),
  nvrtcGetProgramLog: status("uintptr_t", "void *"),
  nvrtcGetCUBINSize: status("uintptr_t", "void *"),
  nvrtcGetCUBIN: status("uintptr_t", "void *"),
  nvrtcGetPTXSize: status("uintptr_t", "void *"),
  nvrtcGetPTX: status("uintptr_t", "void *"),
} as const satisfies SignatureTable;
