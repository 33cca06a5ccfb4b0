// Runs the blocks of a grid on the calling thread: threads of a block are fibers, switched at barriers and shuffles.
#pragma once
#include "abi.h"

/** One launch, ready to run. */
struct GridLaunch {
  const EmulatorModule* module;
  const EmulatorKernel* kernel;
  EmulatorIndex grid_size, block_size;
  void** arguments;
};

/** Decides the order of blocks and threads. */
void set_grid_seed(unsigned long long seed);

/** Runs a launch. Returns what went wrong, or nullptr: threads that wait for ones that never come. */
const char* run_grid(const GridLaunch& launch);

/** Forgets a launch that was left by a jump out of a signal handler. */
void abandon_grid();
