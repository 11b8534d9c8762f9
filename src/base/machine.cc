#include "base/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "base/parallel.h"

namespace vlaq {
namespace {

struct KnownFeature {
  const char* architecture;
  const char* name;
  const char* purpose;
};
constexpr KnownFeature kKnown[] = {
    {"x86_64", "avx2", "fast resizing and float32 products"},
    {"x86_64", "fma", "float32 products"},
    {"x86_64", "avx512f", "float32 products, twice as wide"},
    {"x86_64", "avx_vnni", "INT8 products"},
    {"x86_64", "avx512_vnni", "INT8 products, twice as wide"},
    {"x86_64", "amx_int8", "INT8 products, in tiles"},
    {"aarch64", "asimd", "float32 products (NEON)"},
    {"aarch64", "fphp", "float16 products"},
    {"aarch64", "asimddp", "INT8 products"},
    {"aarch64", "i8mm", "INT8 products, twice as fast"},
};

// The value of a "key : value" line of a file in /proc, or "".
std::string ProcValue(const char* path, const std::vector<std::string>& keys) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) continue;
    const size_t start = line.find_first_not_of(" \t", colon + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

uint64_t MemoryValue(const char* key) {
  std::istringstream value(ProcValue("/proc/meminfo", {key}));
  uint64_t kilobytes = 0;
  value >> kilobytes;
  return kilobytes * 1024;
}

}  // namespace

Machine ThisMachine() {
  Machine machine;
  utsname system{};
  ::uname(&system);
  machine.architecture = system.machine;
  machine.kernel = std::string(system.sysname) + " " + system.release;
  machine.cpu = ProcValue("/proc/cpuinfo", {"model name", "Model"});
  if (machine.cpu.empty()) machine.cpu = "unknown";
  std::istringstream flags(ProcValue("/proc/cpuinfo", {"flags", "Features"}));
  std::set<std::string> present;
  for (std::string flag; flags >> flag;) present.insert(flag);
  for (const KnownFeature& known : kKnown) {
    if (machine.architecture != known.architecture) continue;
    machine.features.push_back({known.name, known.purpose, present.contains(known.name)});
  }
  machine.threads = HardwareThreads();
  machine.cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  machine.cores = std::max(machine.cores, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
  machine.memory_bytes = MemoryValue("MemTotal");
  machine.available_memory_bytes = MemoryValue("MemAvailable");
  return machine;
}

}  // namespace vlaq
