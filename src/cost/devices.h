// Devices that a policy may have to run on, as data: memory, and what they could do at best. Each figure says where it
// is from; one that is not known is absent. Figures count multiply-accumulates (MACs) a second: half of what data
// sheets count as operations (OPS, FLOPS). All are of dense products: twice as many "sparse" ones need weights of which
// half are zero. Not aware of: policies, time. Plain data; user's devices come from device_file.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace vlaq::cost {

// Dense multiply-accumulates a second.
struct Peaks {
  std::optional<double> fp32;  // plain float32
  std::optional<double> tf32;  // float32 graphs with operands cut to 10 bits of mantissa: TensorRT's default on Ampere
  std::optional<double> fp16;
  std::optional<double> int8;
};

// A number format that an engine can be built in.
struct PrecisionRow {
  std::string_view name;
  std::optional<double> Peaks::*peak;
  uint64_t weight_bytes;      // of one weight
  uint64_t activation_bytes;  // of one value between operators; with int8 those that are not quantized are float16
};
inline constexpr std::array kPrecisions = {
    PrecisionRow{"fp32", &Peaks::fp32, 4, 4},
    PrecisionRow{"tf32", &Peaks::tf32, 4, 4},
    PrecisionRow{"fp16", &Peaks::fp16, 2, 2},
    PrecisionRow{"int8", &Peaks::int8, 1, 2},
};

struct PowerMode {
  std::string name;  // as nvpmodel names it: "15W", "MAXN"
  Peaks macs_per_s;
  std::optional<double> bytes_per_s;  // of memory, where the mode is known to have its own
  std::string source;
  bool confirmed = true;  // false: no copy of the source was at hand when the figure was written down
};

struct Device {
  std::string name;   // "orin-nx-16"
  std::string title;  // "Jetson Orin NX 16 GB"
  uint64_t memory_bytes = 0;
  // What firmware, kernel and an idle desktop take of it.
  std::optional<uint64_t> reserved_bytes;
  std::optional<double> bytes_per_s;    // of memory
  std::optional<uint64_t> cache_bytes;  // what may stay on the chip from one run to the next
  std::string source;                   // of the figures above
  std::vector<PowerMode> modes;         // as nvpmodel lists them, the fastest last

  std::optional<double> BytesPerSecond(const PowerMode& mode) const;
  // Errors: kUsage with the nearest name.
  Result<const PowerMode*> FindMode(std::string_view wanted) const;
};

// The mode with the highest peak. `modes` is not empty.
const PowerMode& Fastest(std::span<const PowerMode> modes);

std::span<const Device> Devices();
std::vector<std::string> DeviceNames();
// Errors: kUsage with the nearest name.
Result<const Device*> FindDevice(std::string_view name);

}  // namespace vlaq::cost
