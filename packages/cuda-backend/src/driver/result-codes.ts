// What the driver's status codes mean to the toolkit.

/** Codes that the backend branches on. */
export const results = {
  success: 0,
  outOfMemory: 2,
  noDevice: 100,
  invalidDevice: 101,
  invalidImage: 200,
  noBinaryForGpu: 209,
  unsupportedPtx: 222,
  notReady: 600,
  systemDriverMismatch: 803,
} as const;

/** Codes after which the context is dead: nothing works until the process restarts. */
const sticky: ReadonlySet<number> = new Set([
  4, // deinitialized
  46, // device unavailable
  201, // invalid context
  214, // uncorrectable memory error
  220, // link between devices failed
  226, // error contained in this process
  700, // illegal address
  702, // launch timed out
  709, // context destroyed
  710, // assertion in a kernel
  714, // stack of a kernel
  715, // illegal instruction
  716, // misaligned address
  717, // wrong address space
  718, // invalid program counter
  719, // launch failed
  721,
  805, // the multi-process server failed
  806,
  999,
]);

/** Whether the device is lost with this code. */
export const isSticky = (code: number): boolean => sticky.has(code);

/** Codes of a driver that is older than what it is asked for. */
export const isTooOld = (code: number): boolean =>
  code === 36 || code === results.noBinaryForGpu || code === results.unsupportedPtx || code === 803 || code === 804;
