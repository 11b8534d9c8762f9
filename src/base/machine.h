// What this machine is, as far as it matters for running policies.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vlaq {

struct CpuFeature {
  std::string name;     // as the kernel spells it: "avx512_vnni"
  std::string purpose;  // "INT8 products"
  bool present = false;
};

struct Machine {
  std::string cpu;           // model name, "unknown" if the system does not say
  std::string architecture;  // "x86_64", "aarch64"
  std::string kernel;        // "Linux 6.1.0"
  std::vector<CpuFeature> features;
  int threads = 1;  // that this process may use
  int cores = 1;    // that the machine has
  uint64_t memory_bytes = 0;
  uint64_t available_memory_bytes = 0;
};

Machine ThisMachine();

}  // namespace vlaq
