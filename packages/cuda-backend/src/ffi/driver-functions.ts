// Every function of libcuda in use, by its exported name: versioned names are part of the interface.

import { type SignatureTable, status } from "./signatures.js";

/** The driver's interface. Handles are `uintptr_t`; what is returned through a pointer is `void *`. */
export const driverFunctions = {
  cuInit: status("uint32_t"),
  cuDriverGetVersion: status("void *"),
  cuGetErrorName: status("int", "void *"),
  cuGetErrorString: status("int", "void *"),

  cuDeviceGetCount: status("void *"),
  cuDeviceGet: status("void *", "int"),
  cuDeviceGetName: status("void *", "int", "int"),
  cuDeviceTotalMem_v2: status("void *", "int"),
  cuDeviceGetAttribute: status("void *", "int", "int"),
  cuDevicePrimaryCtxRetain: status("void *", "int"),
  cuDevicePrimaryCtxRelease_v2: status("int"),
  cuCtxSetCurrent: status("uintptr_t"),

  cuMemGetInfo_v2: status("void *", "void *"),
  cuMemAlloc_v2: status("void *", "uint64_t"),
  cuMemFree_v2: status("uintptr_t"),
  cuMemHostAlloc: status("void *", "uint64_t", "uint32_t"),
  cuMemFreeHost: status("uintptr_t"),
  cuMemcpyHtoDAsync_v2: status("uintptr_t", "uintptr_t", "uint64_t", "uintptr_t"),
  cuMemcpyDtoHAsync_v2: status("uintptr_t", "uintptr_t", "uint64_t", "uintptr_t"),
  cuMemcpyDtoDAsync_v2: status("uintptr_t", "uintptr_t", "uint64_t", "uintptr_t"),
  cuMemsetD8Async: status("uintptr_t", "uint8_t", "uint64_t", "uintptr_t"),

  cuStreamCreate: status("void *", "uint32_t"),
  cuStreamDestroy_v2: status("uintptr_t"),
  cuStreamSynchronize: status("uintptr_t"),
  cuEventCreate: status("void *", "uint32_t"),
  cuEventDestroy_v2: status("uintptr_t"),
  cuEventRecord: status("uintptr_t", "uintptr_t"),
  cuEventQuery: status("uintptr_t"),
  cuEventSynchronize: status("uintptr_t"),
  cuEventElapsedTime: status("void *", "uintptr_t", "uintptr_t"),

  cuModuleLoadData: status("void *", "void *"),
  cuModuleUnload: status("uintptr_t"),
  cuModuleGetFunction: status("void *", "uintptr_t", "const char *"),
  /** function; grid x, y, z; block x, y, z; shared bytes; stream; arguments; extra. */
  cuLaunchKernel: status(
    "uintptr_t",
    "uint32_t",
    "uint32_t",
    "uint32_t",
    "uint32_t",
    "uint32_t",
    "uint32_t",
    "uint32_t",
    "uintptr_t",
    "uintptr_t",
    "uintptr_t",
  ),

  /** stream; what other calls of this thread may do meanwhile. */
  cuStreamBeginCapture_v2: status("uintptr_t", "int"),
  cuStreamEndCapture: status("uintptr_t", "void *"),
  cuGraphCreate: status("void *", "uint32_t"),
  cuGraphDestroy: status("uintptr_t"),
  /** out; graph; nodes that come before, and their count; what the node runs. */
  cuGraphAddKernelNode_v2: status("void *", "uintptr_t", "void *", "uint64_t", "void *"),
  cuGraphAddChildGraphNode: status("void *", "uintptr_t", "void *", "uint64_t", "uintptr_t"),
  cuGraphInstantiateWithFlags: status("void *", "uintptr_t", "uint64_t"),
  cuGraphExecDestroy: status("uintptr_t"),
  cuGraphExecKernelNodeSetParams_v2: status("uintptr_t", "uintptr_t", "void *"),
  cuGraphExecChildGraphNodeSetParams: status("uintptr_t", "uintptr_t", "uintptr_t"),
  cuGraphLaunch: status("uintptr_t", "uintptr_t"),
} as const satisfies SignatureTable;
