// What the emulator and a kernel module compiled by it agree on. Both sides include this file.
#pragma once

struct EmulatorIndex {
  unsigned x, y, z;
};

/** The thread that is running: the emulator fills it in before it resumes one. */
struct EmulatorThread {
  EmulatorIndex thread, block, block_size, grid_size;
};

/** What a lane brings to a matrix product: registers of A and of B. */
struct EmulatorFragment {
  unsigned a[4], b[2];
};

/** What kernels call in the emulator. */
struct EmulatorHost {
  /** Waits for every thread of the block that has not ended. */
  void (*sync_block)();
  /** Gives every lane of `mask` the 32 values of its warp: waits for all of them. */
  const unsigned long long* (*exchange)(unsigned mask, unsigned long long value);
  /** Gives every lane what all 32 lanes of its warp bring: waits for all of them. */
  const EmulatorFragment* (*gather)(const EmulatorFragment& mine);
  /** A copy of 16 bytes, zeros where `bytes` is 0, that lands when its thread waits for it. */
  void (*copy_later)(void* to, const void* from, int bytes);
  /** Ends a group of copies. */
  void (*commit_copies)();
  /** Lands all groups of the thread but the last `most`. */
  void (*wait_copies)(int most);
  /** Ends the launch with a fault. */
  void (*fail)(const char* what);
};

/** What a kernel module exports under the name `emulator_module`. */
struct EmulatorModule {
  /** Where the module looks for its thread and for the emulator. */
  EmulatorThread** thread;
  const EmulatorHost** host;
  /** The block's shared variables. */
  char *shared_begin, *shared_end;
  /** Whether threads ever wait for each other. */
  bool waits;
};

/** One kernel of a module, exported as `emulator_kernel_NAME`. */
struct EmulatorKernel {
  void (*call)(void** arguments);
  int argument_count;
  const int* argument_sizes;
  /** From __launch_bounds__; 1024 where the kernel has none. */
  int most_threads;
};
