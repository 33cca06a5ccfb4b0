// Threads of a block as fibers in a shuffled order. Nothing that a device leaves open may be relied upon: blocks and
// threads come in any order, shared memory starts as NaN, and a barrier that some threads miss is an error.
#include "grid.h"

#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <deque>
#include <numeric>
#include <utility>
#include <vector>

namespace {

constexpr size_t stack_size = 64 * 1024;
constexpr int warp_size = 32;

unsigned long long random_state = 1;

unsigned random_below(unsigned count) {
  random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
  return (unsigned)((random_state >> 33) % count);
}

void shuffle(std::vector<int>& items) {
  for (size_t i = items.size(); i > 1; i--) std::swap(items[i - 1], items[random_below((unsigned)i)]);
}

/** A copy that has not landed. */
struct Copy {
  void* to;
  const void* from;
  int bytes;
};

enum class State { ready, at_barrier, in_exchange, done };

struct Fiber {
  ucontext_t start;
  jmp_buf place;
  char* stack = nullptr;
  bool started = false;
  State state = State::done;
  EmulatorThread thread;
  /** Groups of copies under way, the last one still open. */
  std::deque<std::vector<Copy>> copies;
};

/** The lanes of a warp that meet in a shuffle. */
struct Meeting {
  unsigned arrived = 0;
  unsigned long long coming[warp_size];
  unsigned long long seen[warp_size];
  EmulatorFragment coming_fragments[warp_size];
  EmulatorFragment seen_fragments[warp_size];
};

struct Block {
  std::vector<Fiber> fibers;
  std::vector<Meeting> warps;
  const GridLaunch* launch = nullptr;
  jmp_buf scheduler;
  ucontext_t scheduler_context;
  int running = -1;
  int size = 0;
  const char* fault = nullptr;
};

Block block;

// Fibers outlive the launch that made them: each runs one thread after another.
void fiber_main() {
  for (;;) {
    Fiber& self = block.fibers[block.running];
    block.launch->kernel->call(block.launch->arguments);
    block.fibers[block.running].state = State::done;
    if (!_setjmp(self.place)) _longjmp(block.scheduler, 1);
  }
}

void pause_as(State state) {
  Fiber& self = block.fibers[block.running];
  self.state = state;
  if (!_setjmp(self.place)) _longjmp(block.scheduler, 1);
}

void resume(int index) {
  Fiber& fiber = block.fibers[index];
  block.running = index;
  *block.launch->module->thread = &fiber.thread;
  if (_setjmp(block.scheduler)) return;
  if (fiber.started) _longjmp(fiber.place, 1);
  fiber.started = true;
  getcontext(&fiber.start);
  fiber.start.uc_stack.ss_sp = fiber.stack;
  fiber.start.uc_stack.ss_size = stack_size;
  fiber.start.uc_link = nullptr;
  makecontext(&fiber.start, fiber_main, 0);
  setcontext(&fiber.start);
}

void sync_block() { pause_as(State::at_barrier); }

const unsigned long long* exchange(unsigned mask, unsigned long long value) {
  const int index = block.running;
  const int lane = index % warp_size;
  Meeting& warp = block.warps[index / warp_size];
  const int first = index - lane;
  if (!(mask >> lane & 1)) block.fault = "a lane shuffles that is not in its mask";
  for (int i = 0; i < warp_size; i++) {
    const bool missing = first + i >= block.size || block.fibers[first + i].state == State::done;
    if (mask >> i & 1 && missing) block.fault = "a shuffle names a lane that has ended or never was";
  }
  if (block.fault) pause_as(State::at_barrier);
  warp.coming[lane] = value;
  warp.arrived |= 1u << lane;
  if ((warp.arrived & mask) == mask) {
    memcpy(warp.seen, warp.coming, sizeof(warp.seen));
    warp.arrived &= ~mask;
    for (int i = 0; i < warp_size; i++)
      if (mask >> i & 1 && i != lane) block.fibers[first + i].state = State::ready;
  } else {
    pause_as(State::in_exchange);
  }
  return warp.seen;
}

const EmulatorFragment* gather(const EmulatorFragment& mine) {
  Meeting& warp = block.warps[block.running / warp_size];
  warp.coming_fragments[block.running % warp_size] = mine;
  // The last lane to come finds all others there and takes their fragments before any goes on.
  const bool last = (warp.arrived | 1u << block.running % warp_size) == 0xffffffffu;
  if (last) memcpy(warp.seen_fragments, warp.coming_fragments, sizeof(warp.seen_fragments));
  exchange(0xffffffffu, 0);
  return warp.seen_fragments;
}

std::vector<Copy>& open_group() {
  auto& groups = block.fibers[block.running].copies;
  if (groups.empty()) groups.emplace_back();
  return groups.back();
}

void fail(const char* what) {
  block.fault = what;
  pause_as(State::at_barrier);
}

void copy_later(void* to, const void* from, int bytes) {
  if (((size_t)to | (size_t)from) % 16 != 0) fail("a copy of 16 bytes is not aligned to them");
  open_group().push_back({to, from, bytes});
}

void commit_copies() {
  open_group();
  block.fibers[block.running].copies.emplace_back();
}

void wait_copies(int most) {
  auto& groups = block.fibers[block.running].copies;
  while ((int)groups.size() - 1 > most) {
    for (const Copy& copy : groups.front()) {
      memset(copy.to, 0, 16);
      if (copy.bytes) memcpy(copy.to, copy.from, copy.bytes);
    }
    groups.pop_front();
  }
}

const EmulatorHost host = {sync_block, exchange, gather, copy_later, commit_copies, wait_copies, fail};

void make_fibers(int count) {
  if ((int)block.fibers.size() >= count) return;
  // Contexts must not move, so all are made at once.
  for (Fiber& fiber : block.fibers)
    if (fiber.stack) munmap(fiber.stack, stack_size);
  block.fibers = std::vector<Fiber>(1024);
  for (Fiber& fiber : block.fibers)
    fiber.stack = (char*)mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

// Runs the threads of a block until all have ended. A warp runs on alone until all its lanes wait for the block, so
// that it is as far ahead of the others as barriers let it be.
const char* run_fibers(std::vector<int>& warps, std::vector<int>& lanes) {
  for (;;) {
    bool moved = false;
    for (int warp : warps) {
      for (bool again = true; again;) {
        again = false;
        for (int lane : lanes) {
          const int index = warp * warp_size + lane;
          if (index >= block.size || block.fibers[index].state != State::ready) continue;
          resume(index);
          if (block.fault) return block.fault;
          again = moved = true;
        }
      }
    }
    int waiting = 0, ended = 0;
    for (int i = 0; i < block.size; i++) {
      waiting += block.fibers[i].state == State::at_barrier;
      ended += block.fibers[i].state == State::done;
    }
    if (ended == block.size) return nullptr;
    if (waiting + ended == block.size) {
      shuffle(warps);
      shuffle(lanes);
      for (int i = 0; i < block.size; i++)
        if (block.fibers[i].state == State::at_barrier) block.fibers[i].state = State::ready;
    } else if (!moved) {
      return "threads wait for others that wait elsewhere";
    }
  }
}

EmulatorIndex index_of(unsigned long long flat, EmulatorIndex size) {
  return {(unsigned)(flat % size.x), (unsigned)(flat / size.x % size.y), (unsigned)(flat / size.x / size.y)};
}

}  // namespace

void set_grid_seed(unsigned long long seed) { random_state = seed * 2 + 1; }

void abandon_grid() {
  for (Fiber& fiber : block.fibers) {
    fiber.started = false;
    fiber.state = State::done;
  }
}

const char* run_grid(const GridLaunch& launch) {
  const EmulatorModule& module = *launch.module;
  const unsigned long long blocks =
      (unsigned long long)launch.grid_size.x * launch.grid_size.y * launch.grid_size.z;
  const int size = (int)(launch.block_size.x * launch.block_size.y * launch.block_size.z);
  *module.host = &host;
  block.launch = &launch;
  block.size = size;
  block.fault = nullptr;
  std::vector<int> order(size), warps((size + warp_size - 1) / warp_size), lanes(warp_size);
  for (std::vector<int>* all : {&order, &warps, &lanes}) {
    std::iota(all->begin(), all->end(), 0);
    shuffle(*all);
  }
  if (module.waits) make_fibers(size);
  EmulatorThread plain;
  // A random start and a step without a common divisor visit every block once.
  unsigned long long step = blocks / 2 + 1;
  while (std::gcd(step, blocks) != 1) step++;
  unsigned long long at = blocks ? random_below((unsigned)(blocks < 0xffffffff ? blocks : 0xffffffff)) : 0;
  for (unsigned long long n = 0; n < blocks; n++, at = (at + step) % blocks) {
    if (module.shared_begin) memset(module.shared_begin, 0xff, module.shared_end - module.shared_begin);
    const EmulatorIndex where = index_of(at, launch.grid_size);
    if (!module.waits) {
      *module.thread = &plain;
      for (int index : order) {
        plain = {index_of(index, launch.block_size), where, launch.block_size, launch.grid_size};
        launch.kernel->call(launch.arguments);
      }
      continue;
    }
    block.warps.assign((size + warp_size - 1) / warp_size, Meeting());
    for (int i = 0; i < size; i++) {
      block.fibers[i].state = State::ready;
      block.fibers[i].copies.clear();
      block.fibers[i].thread = {index_of(i, launch.block_size), where, launch.block_size, launch.grid_size};
    }
    if (const char* fault = run_fibers(warps, lanes)) {
      abandon_grid();
      return fault;
    }
  }
  return nullptr;
}
