// The control memory of a pool, shared by all its threads: words to wait on, the command list, registered kernels.
// It is apart from the data memory, so that no kernel can overwrite it. Byte offsets; hot words have own cache lines.

/** Where things stand in the control memory. A waitable word is followed by the number of its sleepers. */
export const layout = {
  /** Number of the current submit (waitable). */
  submit: 0,
  /** 1 while threads may enter the submit: its commands stay as they are until it is closed and all have left. */
  open: 64,
  /** Workers that are in the submit (waitable). */
  inside: 128,
  /** Sections of the submit of which all shares have run (waitable). */
  barrier: 256,
  /** Shares that somebody has taken, and that have run, of all sections so far. */
  taken: 192,
  done: 320,
  /** Workers that have started and take part in submits. */
  joined: 328,
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
  /** For each thread: the address of the command it is at, the share it runs; sections of which its share is taken. */
  progress: 2048,
  progressShare: 4,
  sectionsTaken: 8,
  threadStride: 64,
} as const;

/** Most threads of a pool. */
export const maxThreads = 256;

/** First byte of the region for commands and kernels. */
export const heapStart = layout.progress + layout.threadStride * maxThreads;

/** Bytes of one command: kernel, parameters' address, flags, the thread that runs it if it is not parallel. */
export const commandByteLength = 16;

/** Bits of a command's flags. */
export const commandFlags = {
  /** It has a share for each thread; else it belongs to the share of one thread. */
  parallel: 1,
  /** A section ends: nothing that follows begins before all of it has run, since it reads what this or an earlier command wrote. */
  barrier: 2,
} as const;

/**
 * One registered kernel in the control memory: address and byte length of the module, byte length of the export's name,
 * address of the next record; then the name.
 */
export const recordHeaderByteLength = 16;
