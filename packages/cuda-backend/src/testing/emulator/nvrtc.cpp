// libnvrtc: compiles a kernel's very text with the host compiler. What it calls a CUBIN is a shared object.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "state.h"

namespace {

enum NvrtcResult { ok = 0, invalid_input = 3, invalid_program = 4, invalid_option = 5, compilation = 6 };

struct Program {
  std::string source, log, image;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

/** Exports for every kernel of a text, and whether its threads wait for each other. */
std::string exports_of(const std::string& source) {
  static const std::regex kernel(R"(__global__\s+void\s+(?:__launch_bounds__\((\d+)[^)]*\)\s*)?(\w+)\s*\()");
  static const std::regex waits(R"(__sync|__shfl|emulator_host)");
  std::ostringstream out;
  out << "\nEMULATOR_MODULE(" << (std::regex_search(source, waits) ? "true" : "false") << ")\n";
  for (std::sregex_iterator it(source.begin(), source.end(), kernel), end; it != end; ++it) {
    const std::string bound = (*it)[1];
    out << "EMULATOR_KERNEL(" << (*it)[2] << ", " << (bound.empty() ? "1024" : bound) << ")\n";
  }
  return out.str();
}

int run_compiler(const std::string& from, const std::string& to, const std::string& log) {
  const std::string command = std::string(EMULATOR_COMPILER) +
                              " -x c++ -std=c++17 -O1 -shared -fPIC -w -fno-math-errno -fno-strict-aliasing"
                              " -ffp-contract=off -fvisibility=hidden -include " EMULATOR_SHIM " -o '" +
                              to + "' '" + from + "' > '" + log + "' 2>&1";
  return system(command.c_str());
}

}  // namespace

/** Where texts are kept that a test wants to see; empty keeps none. */
static std::string sources_folder;

extern "C" {

/** Replaces a piece of every text compiled from now on: a fault that tests must find. An empty piece ends it. */
static std::string mutated, mutation;
void emulator_mutate(const char* from, const char* to) {
  mutated = from;
  mutation = to;
}

void emulator_keep_sources(const char* folder) { sources_folder = folder; }

int nvrtcVersion(int* major, int* minor) {
  *major = (int)(setting("nvrtc") / 1000);
  *minor = (int)(setting("nvrtc") % 1000 / 10);
  return ok;
}
int nvrtcGetNumSupportedArchs(int* count) {
  *count = setting("newest") >= 120 ? 5 : 3;
  return ok;
}
int nvrtcGetSupportedArchs(int* archs) {
  const int all[] = {75, 80, 90, 100, 120};
  memcpy(archs, all, sizeof(int) * (setting("newest") >= 120 ? 5 : 3));
  return ok;
}
int nvrtcCreateProgram(Program** program, const char* source, const char*, int, const char**, const char**) {
  *program = new Program{source, "", ""};
  std::string& text = (*program)->source;
  for (size_t at = 0; !mutated.empty() && (at = text.find(mutated, at)) != std::string::npos; at += mutation.size()) {
    text.replace(at, mutated.size(), mutation);
    setting("mutations")++;
  }
  return ok;
}
int nvrtcDestroyProgram(Program** program) {
  delete *program;
  *program = nullptr;
  return ok;
}
int nvrtcCompileProgram(Program* program, int count, const char** options) {
  bool has_architecture = false;
  for (int i = 0; i < count; i++) has_architecture |= strncmp(options[i], "--gpu-architecture=", 19) == 0;
  if (!has_architecture) return invalid_option;
  const long long number = setting("compilations")++;
  if (!sources_folder.empty()) std::ofstream(sources_folder + "/" + std::to_string(number) + ".cu") << program->source;
  char folder[] = "/tmp/emulated-nvrtc-XXXXXX";
  if (!mkdtemp(folder)) return invalid_program;
  const std::string base = folder, text = base + "/kernel.cpp", image = base + "/kernel.so", log = base + "/log";
  std::ofstream(text) << "extern \"C\" EmulatorModule emulator_module() __attribute__((visibility(\"default\")));\n"
                      << "#pragma GCC visibility push(default)\n#line 1\n"
                      << program->source << exports_of(program->source);
  const int status = run_compiler(text, image, log);
  program->log = read_file(log);
  if (status == 0) program->image = read_file(image);
  for (const std::string& path : {text, image, log}) unlink(path.c_str());
  rmdir(folder);
  return status == 0 ? ok : compilation;
}
int nvrtcGetProgramLogSize(Program* program, size_t* size) {
  *size = program->log.size() + 1;
  return ok;
}
int nvrtcGetProgramLog(Program* program, char* log) {
  memcpy(log, program->log.c_str(), program->log.size() + 1);
  return ok;
}
int nvrtcGetCUBINSize(Program* program, size_t* size) {
  *size = program->image.size();
  return ok;
}
int nvrtcGetCUBIN(Program* program, char* bytes) {
  memcpy(bytes, program->image.data(), program->image.size());
  return ok;
}
int nvrtcGetPTXSize(Program* program, size_t* size) { return nvrtcGetCUBINSize(program, size); }
int nvrtcGetPTX(Program* program, char* bytes) { return nvrtcGetCUBIN(program, bytes); }
const char* nvrtcGetErrorString(int code) {
  return code == compilation ? "NVRTC_ERROR_COMPILATION" : "an emulated NVRTC error";
}

}  // extern "C"
