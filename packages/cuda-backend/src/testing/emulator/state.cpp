// Settings, streams, and the net that catches wild addresses of kernels.
#include "state.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <set>

#include "grid.h"

std::atomic<int> sticky_error{0};
std::mutex kernel_mutex;
std::atomic<long long> call_count{0};

namespace {

std::mutex settings_mutex;
std::mutex streams_mutex;
std::set<Stream*> streams;

thread_local sigjmp_buf* net = nullptr;
struct sigaction next_handler[2];

// The stack of a fiber is small and may be the fault's cause, so the handler has its own.
void use_signal_stack() {
  static thread_local char* stack = nullptr;
  if (stack) return;
  const size_t size = 64 * 1024;
  stack = (char*)mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  stack_t own = {};
  own.ss_sp = stack;
  own.ss_size = size;
  sigaltstack(&own, nullptr);
}

void on_fault(int signal_number, siginfo_t* info, void* context) {
  if (net) siglongjmp(*net, 1);
  // Not ours: the engine has its own use for these signals.
  struct sigaction& next = next_handler[signal_number == SIGBUS];
  if (next.sa_flags & SA_SIGINFO) next.sa_sigaction(signal_number, info, context);
  else if (next.sa_handler != SIG_DFL && next.sa_handler != SIG_IGN) next.sa_handler(signal_number);
  else {
    signal(signal_number, SIG_DFL);
    raise(signal_number);
  }
}

void catch_faults() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction own = {};
    own.sa_sigaction = on_fault;
    own.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &own, &next_handler[0]);
    sigaction(SIGBUS, &own, &next_handler[1]);
  });
}

}  // namespace

long long& setting(const std::string& name) {
  static std::map<std::string, long long> all = {
      {"devices", 1},       {"memory", 1ll << 30}, {"driver", 13000}, {"nvrtc", 13000}, {"major", 9},
      {"minor", 0},         {"newest", 120},       {"seed", 1},       {"launch_us", 0}, {"fail_launch", 0},
      {"misaligned", 1},    {"graphs", 1},
  };
  std::lock_guard<std::mutex> lock(settings_mutex);
  return all[name];
}

void die(int code, const char* why) {
  if (sticky_error.exchange(code) == 0) fprintf(stderr, "emulated CUDA device: error %d, %s\n", code, why);
}

void guarded(const std::function<void()>& work) {
  catch_faults();
  use_signal_stack();
  sigjmp_buf here;
  if (sigsetjmp(here, 1)) {
    net = nullptr;
    abandon_grid();
    die(illegal_address, "a kernel used an address that is not the device's");
    return;
  }
  net = &here;
  work();
  net = nullptr;
}

Stream::Stream() : thread_([this] { run(); }) {
  std::lock_guard<std::mutex> lock(streams_mutex);
  streams.insert(this);
}

Stream::~Stream() {
  {
    std::lock_guard<std::mutex> lock(streams_mutex);
    streams.erase(this);
  }
  drain();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

int Stream::refuse_captured() {
  capture->invalid = true;
  return capture_unsupported;
}

void Stream::push(std::function<void()> work, const char* kind) {
  if (capture) {
    capture->works.push_back({kind, std::move(work)});
    return;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  queue_.push_back(std::move(work));
  changed_.notify_all();
}

void Stream::drain() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return queue_.empty() && !busy_; });
}

void Stream::run() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
      busy_ = true;
    }
    work();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      busy_ = false;
    }
    changed_.notify_all();
  }
}

void drain_all() {
  std::vector<Stream*> all;
  {
    std::lock_guard<std::mutex> lock(streams_mutex);
    all.assign(streams.begin(), streams.end());
  }
  for (Stream* stream : all) stream->drain();
}

extern "C" void emulator_set(const char* name, long long value) {
  if (strcmp(name, "seed") == 0) {
    std::lock_guard<std::mutex> lock(kernel_mutex);
    set_grid_seed(value);
  }
  if (strcmp(name, "revive") == 0) sticky_error = 0;
  setting(name) = value;
}

extern "C" long long emulator_get(const char* name) {
  return strcmp(name, "calls") == 0 ? (long long)call_count : setting(name);
}
