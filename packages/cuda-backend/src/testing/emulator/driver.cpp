// libcuda: devices, contexts, memory, streams and events, with the driver's rules about who may call what when.
#include <dlfcn.h>
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>

#include "grid.h"
#include "state.h"

namespace {

constexpr size_t page = 4096;
/** NaN as float32, float64 and bytes: nobody may rely on what fresh memory holds. */
constexpr int fresh_byte = 0xff;

std::mutex mutex;
std::map<char*, size_t> device_blocks;
std::map<char*, size_t> host_blocks;
size_t device_bytes = 0;
int context_users = 0;
bool initialized = false;
thread_local bool has_context = false;

struct Event {
  bool captured = false;
  std::atomic<int> pending{0};
  std::atomic<double> milliseconds{0};
};

struct Module {
  void* library;
  EmulatorModule info;
  std::map<std::string, std::unique_ptr<EmulatorKernel>> kernels;
};

double now() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

char* guarded_pages(size_t byte_length) {
  const size_t size = (byte_length + page - 1) / page * page;
  char* base = (char*)mmap(nullptr, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  mprotect(base + size, page, PROT_NONE);
  return base;
}

void free_pages(char* base, size_t byte_length) {
  munmap(base, (byte_length + page - 1) / page * page + page);
}

bool inside(const std::map<char*, size_t>& blocks, const void* address, size_t byte_length) {
  auto next = blocks.upper_bound((char*)address);
  if (next == blocks.begin()) return false;
  auto& [base, size] = *--next;
  return (char*)address + byte_length <= base + size;
}

bool is_pinned(const void* address, size_t byte_length) {
  std::lock_guard<std::mutex> lock(mutex);
  return inside(host_blocks, address, byte_length);
}

size_t elf_size(const unsigned char* image) {
  if (memcmp(image, ELFMAG, SELFMAG) != 0) return 0;
  const Elf64_Ehdr* header = (const Elf64_Ehdr*)image;
  return header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
}

/** Copies between host and device; a copy of pageable memory ends before the call does. */
int copy(void* to, const void* from, size_t byte_length, const void* host, const void* device, Stream* stream) {
  if (int bad = check()) return bad;
  if (!is_device_memory(device, byte_length)) return invalid_value;
  auto work = [=] {
    if (!sticky_error) memcpy(to, from, byte_length);
  };
  if (is_pinned(host, byte_length)) {
    stream->push(work);
    return success;
  }
  if (stream->capture) return stream->refuse_captured();
  stream->drain();
  work();
  return sticky_error;
}

}  // namespace

struct Function {
  Module* module;
  EmulatorKernel kernel;
};

int check() {
  call_count++;
  if (!initialized) return not_initialized;
  if (!has_context) return invalid_context;
  return sticky_error;
}

int kernel_work(Function* function, const unsigned grid[3], const unsigned block[3], unsigned shared_bytes,
                void** arguments, Work& work) {
  const EmulatorIndex blocks = {grid[0], grid[1], grid[2]}, threads = {block[0], block[1], block[2]};
  const unsigned long long count = (unsigned long long)threads.x * threads.y * threads.z;
  if (!blocks.x || !blocks.y || !blocks.z || blocks.x > 0x7fffffffu || blocks.y > 65535 || blocks.z > 65535)
    return invalid_value;
  if (count == 0 || count > 1024 || threads.z > 64 || shared_bytes != 0) return invalid_value;
  if (count > (unsigned)function->kernel.most_threads) return launch_out_of_resources;
  auto copies = std::make_shared<std::vector<std::vector<char>>>();
  size_t argument_bytes = 0;
  for (int i = 0; i < function->kernel.argument_count; i++) {
    const char* bytes = (const char*)arguments[i];
    argument_bytes += function->kernel.argument_sizes[i];
    copies->emplace_back(bytes, bytes + function->kernel.argument_sizes[i]);
  }
  if (argument_bytes > (setting("driver") < 12010 ? 4096u : 32764u)) return invalid_value;
  work.kind = "kernel";
  work.run = [=] {
    if (sticky_error) return;
    if (setting("launch_us")) usleep((unsigned)setting("launch_us"));
    if (int code = (int)setting("fail_launch")) {
      setting("fail_launch") = 0;
      return die(code, "a test asked for it");
    }
    setting("grids")++;
    std::vector<void*> pointers;
    for (auto& bytes : *copies) pointers.push_back(bytes.data());
    GridLaunch launch = {&function->module->info, &function->kernel, blocks, threads, pointers.data()};
    std::lock_guard<std::mutex> lock(kernel_mutex);
    guarded([&] {
      if (const char* fault = run_grid(launch)) die(launch_failed, fault);
    });
  };
  return success;
}

bool is_device_memory(const void* address, size_t byte_length) {
  std::lock_guard<std::mutex> lock(mutex);
  return inside(device_blocks, address, byte_length);
}

extern "C" {

int cuInit(unsigned) {
  if (setting("devices") == 0) return no_device;
  initialized = true;
  return success;
}
int cuDriverGetVersion(int* version) {
  *version = (int)setting("driver");
  return success;
}
int cuDeviceGetCount(int* count) {
  *count = (int)setting("devices");
  return initialized ? success : not_initialized;
}
int cuDeviceGet(int* device, int ordinal) {
  if (ordinal < 0 || ordinal >= setting("devices")) return invalid_device;
  *device = ordinal;
  return success;
}
int cuDeviceGetName(char* name, int length, int) {
  snprintf(name, length, "Emulated CUDA device");
  return success;
}
int cuDeviceTotalMem_v2(size_t* byte_length, int) {
  *byte_length = setting("memory");
  return success;
}
int cuDeviceGetAttribute(int* value, int attribute, int) {
  switch (attribute) {
    case 1: *value = 1024; return success;
    case 10: *value = 32; return success;
    case 16: *value = 4; return success;
    case 75: *value = (int)setting("major"); return success;
    case 76: *value = (int)setting("minor"); return success;
    default: return invalid_value;
  }
}
int cuDevicePrimaryCtxRetain(void** context, int) {
  std::lock_guard<std::mutex> lock(mutex);
  context_users++;
  *context = (void*)0x1000;
  return sticky_error;
}
int cuDevicePrimaryCtxRelease_v2(int) {
  drain_all();
  std::lock_guard<std::mutex> lock(mutex);
  if (--context_users > 0) return success;
  for (auto& [base, size] : device_blocks) free_pages(base, size);
  for (auto& [base, size] : host_blocks) free_pages(base, size);
  setting("leaked_bytes") = (long long)device_bytes;
  device_blocks.clear();
  host_blocks.clear();
  device_bytes = 0;
  sticky_error = 0;
  return success;
}
int cuCtxSetCurrent(void* context) {
  has_context = context != nullptr;
  return success;
}

int cuMemGetInfo_v2(size_t* free_bytes, size_t* total) {
  if (int bad = check()) return bad;
  std::lock_guard<std::mutex> lock(mutex);
  *total = setting("memory");
  *free_bytes = *total > device_bytes ? *total - device_bytes : 0;
  return success;
}
int cuMemAlloc_v2(unsigned long long* address, size_t byte_length) {
  if (int bad = check()) return bad;
  if (byte_length == 0) return invalid_value;
  std::lock_guard<std::mutex> lock(mutex);
  if (device_bytes + byte_length > (size_t)setting("memory")) return out_of_memory;
  char* base = guarded_pages(byte_length);
  if (!base) return out_of_memory;
  memset(base, fresh_byte, byte_length);
  device_blocks[base] = byte_length;
  device_bytes += byte_length;
  setting("allocations")++;
  *address = (unsigned long long)base;
  return success;
}
int cuMemFree_v2(unsigned long long address) {
  if (int bad = check()) return bad;
  drain_all();
  std::lock_guard<std::mutex> lock(mutex);
  auto found = device_blocks.find((char*)address);
  if (found == device_blocks.end()) return invalid_value;
  device_bytes -= found->second;
  free_pages(found->first, found->second);
  device_blocks.erase(found);
  return success;
}
int cuMemHostAlloc(void** address, size_t byte_length, unsigned) {
  if (int bad = check()) return bad;
  char* base = guarded_pages(byte_length);
  if (!base) return out_of_memory;
  memset(base, fresh_byte, byte_length);
  std::lock_guard<std::mutex> lock(mutex);
  host_blocks[base] = byte_length;
  *address = base;
  return success;
}
int cuMemFreeHost(void* address) {
  if (int bad = check()) return bad;
  drain_all();
  std::lock_guard<std::mutex> lock(mutex);
  auto found = host_blocks.find((char*)address);
  if (found == host_blocks.end()) return invalid_value;
  free_pages(found->first, found->second);
  host_blocks.erase(found);
  return success;
}
int cuMemcpyHtoDAsync_v2(unsigned long long to, const void* from, size_t byte_length, Stream* stream) {
  return copy((void*)to, from, byte_length, from, (void*)to, stream);
}
int cuMemcpyDtoHAsync_v2(void* to, unsigned long long from, size_t byte_length, Stream* stream) {
  return copy(to, (void*)from, byte_length, to, (void*)from, stream);
}
int cuMemcpyDtoDAsync_v2(unsigned long long to, unsigned long long from, size_t byte_length, Stream* stream) {
  if (int bad = check()) return bad;
  if (!is_device_memory((void*)to, byte_length) || !is_device_memory((void*)from, byte_length)) return invalid_value;
  stream->push([=] {
    if (!sticky_error) memcpy((void*)to, (void*)from, byte_length);
  });
  return success;
}
int cuMemsetD8Async(unsigned long long to, unsigned char value, size_t byte_length, Stream* stream) {
  if (int bad = check()) return bad;
  if (!is_device_memory((void*)to, byte_length)) return invalid_value;
  stream->push([=] {
    if (!sticky_error) memset((void*)to, value, byte_length);
  });
  return success;
}

int cuStreamCreate(Stream** stream, unsigned) {
  if (int bad = check()) return bad;
  *stream = new Stream();
  return success;
}
int cuStreamDestroy_v2(Stream* stream) {
  delete stream;
  return success;
}
int cuStreamSynchronize(Stream* stream) {
  if (int bad = check()) return bad;
  if (stream->capture) return stream->refuse_captured();
  stream->drain();
  return sticky_error;
}
int cuEventCreate(Event** event, unsigned) {
  if (int bad = check()) return bad;
  *event = new Event();
  return success;
}
int cuEventDestroy_v2(Event* event) {
  drain_all();
  delete event;
  return success;
}
int cuEventRecord(Event* event, Stream* stream) {
  if (int bad = check()) return bad;
  // Recorded into a graph it marks a place in the graph, and nothing on the host can wait for it.
  event->captured = stream->capture != nullptr;
  if (event->captured) return success;
  event->pending++;
  stream->push([=] {
    event->milliseconds = now();
    event->pending--;
  });
  return success;
}
int cuEventQuery(Event* event) {
  if (int bad = check()) return bad;
  if (event->captured) return captured_event;
  return event->pending ? not_ready : success;
}
int cuEventSynchronize(Event* event) {
  if (int bad = check()) return bad;
  if (event->captured) return captured_event;
  while (event->pending) std::this_thread::yield();
  return sticky_error;
}
int cuEventElapsedTime(float* milliseconds, Event* start, Event* end) {
  if (int bad = check()) return bad;
  if (start->pending || end->pending) return not_ready;
  *milliseconds = (float)(end->milliseconds - start->milliseconds);
  return success;
}

int cuModuleLoadData(Module** module, const void* image) {
  if (int bad = check()) return bad;
  const size_t size = elf_size((const unsigned char*)image);
  if (size == 0) return invalid_image;
  // A name of its own: the linker takes a library of the same name for the same library.
  static std::atomic<int> count{0};
  char path[64];
  snprintf(path, sizeof(path), "/tmp/emulated-cubin-%d-%d.so", (int)getpid(), count++);
  FILE* file = fopen(path, "wb");
  if (!file || fwrite(image, 1, size, file) != size) return out_of_memory;
  fclose(file);
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  unlink(path);
  if (!library) return invalid_image;
  auto info = (EmulatorModule(*)())dlsym(library, "emulator_module");
  if (!info) return invalid_image;
  *module = new Module{library, info(), {}};
  return success;
}
int cuModuleUnload(Module* module) {
  drain_all();
  dlclose(module->library);
  delete module;
  return success;
}
int cuModuleGetFunction(Function** function, Module* module, const char* name) {
  if (int bad = check()) return bad;
  const std::string symbol = std::string("emulator_kernel_") + name;
  auto kernel = (EmulatorKernel(*)())dlsym(module->library, symbol.c_str());
  if (!kernel) return not_found;
  *function = new Function{module, kernel()};
  return success;
}
int cuFuncGetAttribute(int* value, int, Function*) {
  *value = 0;
  return success;
}

int cuLaunchKernel(Function* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared_bytes, Stream* stream, void** arguments, void**) {
  if (int bad = check()) return bad;
  const unsigned grid[3] = {gx, gy, gz}, block[3] = {bx, by, bz};
  Work work;
  if (int bad = kernel_work(function, grid, block, shared_bytes, arguments, work)) return bad;
  setting("launches")++;
  stream->push(work.run, "kernel");
  return success;
}

int cuGetErrorName(int code, const char** name) {
  switch (code) {
    case out_of_memory: *name = "CUDA_ERROR_OUT_OF_MEMORY"; return success;
    case no_device: *name = "CUDA_ERROR_NO_DEVICE"; return success;
    case illegal_address: *name = "CUDA_ERROR_ILLEGAL_ADDRESS"; return success;
    case launch_failed: *name = "CUDA_ERROR_LAUNCH_FAILED"; return success;
    default: *name = "CUDA_ERROR_EMULATED"; return success;
  }
}
int cuGetErrorString(int code, const char** text) {
  *text = code == illegal_address ? "an illegal memory access was encountered" : "an emulated error";
  return success;
}

}  // extern "C"
