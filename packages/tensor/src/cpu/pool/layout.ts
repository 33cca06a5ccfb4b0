// The control memory of a pool, shared by all its threads: words to wait on, the command list, registered kernels.
// It is apart from the data memory, so that no kernel can overwrite it. Byte offsets; hot words have own cache lines.

/** Where things stand in the control memory. A waitable word is followed by the number of its sleepers. */
export const layout = {
  /** Number of the current submit (waitable). */
  submit: 0,
  /** Number of the last submit that all workers have finished (waitable). */
  done: 128,
  /** Workers that have finished the current submit. */
  finished: 192,
  /** Number of barriers passed (waitable). */
  barrier: 256,
  /** Threads that have reached the next barrier. */
  arrived: 320,
  /** Workers that have started and take part in submits. */
  joined: 324,
  /** 1 when a thread has failed: all leave the submit. */
  aborted: 384,
  /** 1 when the workers shall end. */
  stopped: 388,
  /** Address and count of the commands. */
  commands: 448,
  commandCount: 452,
  /** Number of registered kernels. */
  kernelCount: 456,
  /** The first failure: 1 when taken, thread, byte length of the message, message. */
  failure: 512,
  failureMessageCapacity: 1024,
  /** Address of the command each thread is at, 64 bytes apart. */
  progress: 2048,
  progressStride: 64,
} as const;

/** Most threads of a pool. */
export const maxThreads = 256;

/** First byte of the region for commands and kernels. */
export const heapStart = layout.progress + layout.progressStride * maxThreads;

/** Bytes of one command: kernel, parameters' address, flags, the thread that runs it if it is not parallel. */
export const commandByteLength = 16;

/** Bits of a command's flags. */
export const commandFlags = {
  /** All threads run it, each its share; else one thread runs it alone. */
  parallel: 1,
  /** No thread goes on before all have come here: the next command reads what this or an earlier one wrote. */
  barrier: 2,
} as const;

/**
 * One registered kernel in the control memory: address and byte length of the module, byte length of the export's name,
 * address of the next record; then the name.
 */
export const recordHeaderByteLength = 16;
