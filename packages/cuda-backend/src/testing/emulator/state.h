// What the three emulated libraries share: settings that tests turn, counters that tests read, memory and streams.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

enum Result {
  success = 0,
  invalid_value = 1,
  out_of_memory = 2,
  not_initialized = 3,
  no_device = 100,
  invalid_device = 101,
  invalid_image = 200,
  invalid_context = 201,
  illegal_state = 401,
  invalid_handle = 400,
  not_found = 500,
  not_ready = 600,
  illegal_address = 700,
  launch_out_of_resources = 701,
  launch_failed = 719,
  not_supported_here = 801,
  capture_unsupported = 900,
  capture_invalidated = 901,
  captured_event = 907,
  update_failure = 910,
};

/** A named number that a test may set (settings) or read (counters). */
long long& setting(const std::string& name);

/** The error after which nothing works any more; 0 while there is none. */
extern std::atomic<int> sticky_error;

/** Marks the context dead, with a line on the error stream that says why. */
void die(int code, const char* why);

/** One piece of work, and what kind it is: graphs of equal kinds may take each other's place. */
struct Work {
  std::string kind;
  std::function<void()> run;
};

/** What a stream that is captured has been given so far. */
struct Capture {
  std::vector<Work> works;
  /** Something was asked for that a captured stream cannot do. */
  bool invalid = false;
};

/** A stream: work in order, on a thread of its own. */
class Stream {
 public:
  Stream();
  ~Stream();
  void push(std::function<void()> work, const char* kind = "other");
  /** Waits until all work so far is done. */
  void drain();
  /** While set, work is recorded instead of run. */
  std::unique_ptr<Capture> capture;
  /** For calls that must not be made while the stream is captured: makes the capture worthless. */
  int refuse_captured();

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool busy_ = false, closing_ = false;
  std::thread thread_;
};

/** Calls of the driver and of cuBLASLt so far. */
extern std::atomic<long long> call_count;

/** What every call that needs a context answers first. */
int check();

struct Function;
/** A launch of a kernel with a copy of its arguments, made during the call: the caller's memory is free again after it. */
int kernel_work(Function* function, const unsigned grid[3], const unsigned block[3], unsigned shared_bytes,
                void** arguments, Work& work);

/** Whether bytes lie inside one live allocation of the device. */
bool is_device_memory(const void* address, size_t byte_length);

/** Waits for all streams. */
void drain_all();

/** Runs `work` where a wild address makes the context die instead of the process. */
void guarded(const std::function<void()>& work);

/** One kernel at a time, on whichever stream. */
extern std::mutex kernel_mutex;
