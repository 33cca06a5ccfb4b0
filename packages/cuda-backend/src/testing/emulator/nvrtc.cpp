// libnvrtc: compiles a kernel's very text with the host compiler. What it calls a CUBIN is a shared object.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
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

/** The word that starts at `at`, blanks before it left out; `at` moves behind it. */
std::string word_at(const std::string& text, size_t& at) {
  at = text.find_first_not_of(" \t\n", at);
  const size_t start = at;
  while (at < text.size() && (isalnum((unsigned char)text[at]) || text[at] == '_')) at++;
  return text.substr(start, at - start);
}

/** Exports for every kernel of a text, and whether its threads wait for each other. */
std::string exports_of(const std::string& source) {
  const bool waits = source.find("__sync") != std::string::npos || source.find("__shfl") != std::string::npos ||
                     source.find("_sync(") != std::string::npos;
  const std::string mark = "__global__ void ";
  std::string out = std::string("\nEMULATOR_MODULE(") + (waits ? "true" : "false") + ")\n";
  for (size_t at = 0; (at = source.find(mark, at)) != std::string::npos;) {
    at += mark.size();
    std::string name = word_at(source, at), bound = "1024";
    if (name == "__launch_bounds__") {
      bound = word_at(source, ++at);
      at = source.find(')', at) + 1;
      name = word_at(source, at);
    }
    out += "EMULATOR_KERNEL(" + name + ", " + bound + ")\n";
  }
  return out;
}

int run_compiler(const std::string& from, const std::string& to, const std::string& log) {
  const std::string object = to + ".o";
  // The linker called by itself saves a third of the time: modules need no start-up files and no libraries.
  const std::string command = "{ " EMULATOR_COMPILER
                              " -x c++ -std=c++17 -O1 -c -fPIC -w -fno-math-errno -fno-strict-aliasing"
                              " -ffp-contract=off -fvisibility=hidden -include " EMULATOR_SHIM " -o '" +
                              object + "' '" + from + "' && ld -shared -o '" + to + "' '" + object + "'; } > '" +
                              log + "' 2>&1";
  const int status = system(command.c_str());
  unlink(object.c_str());
  return status;
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
