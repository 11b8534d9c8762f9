#include "cost/devices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"

namespace vlaq::cost {
namespace {

// What one streaming multiprocessor of Orin's GPU does (GA10B, sm_87) in one clock: 128 CUDA cores with one FMA each; 4
// tensor cores with 512 INT8 MACs each, half as many in FP16, half as many again in TF32, as in NVIDIA's A100. The INT8
// rate is derived from NVIDIA's "170 sparse INT8 TOPS" for 16 of them at 1.3 GHz, and gives the 60 and 50 of Orin NX.
constexpr double kFp32 = 128, kTf32 = 512, kFp16 = 1024, kInt8 = 2048;

Peaks OfClock(double multiprocessors, double mhz) {
  const double clocks = multiprocessors * mhz * 1e6;
  return {clocks * kFp32, clocks * kTf32, clocks * kFp16, clocks * kInt8};
}

// NVIDIA's "sparse INT8 TOPS" count two operations a MAC, and half of them are skipped.
Peaks OfSparseInt8(double tops) {
  const double int8 = tops * 1e12 / 4;
  return {int8 * kFp32 / kInt8, int8 * kTf32 / kInt8, int8 * kFp16 / kInt8, int8};
}

constexpr uint64_t kGiB = uint64_t{1} << 30U;

// NVIDIA's nvpmodel files for the modules (nvpmodel_p3767_0000.conf and its kin) cap the GPU's clock, and power gate
// its pairs of multiprocessors by a mask: 240 leaves 4 of them, 252 leaves 2. At 10 W the memory's clock is capped,
// too.
struct NvpMode {
  const char* name;
  double multiprocessors, mhz;
  const char* more = "";
  double memory_mhz = 0;  // 0: not capped
};

constexpr double kMemoryBytesPerClock = 32;  // 128 bit, twice a clock

std::vector<PowerMode> OrinNxModes(const std::string& file, std::initializer_list<NvpMode> rows) {
  std::vector<PowerMode> modes;
  for (const NvpMode& row : rows) {
    PowerMode mode{row.name,
                   OfClock(row.multiprocessors, row.mhz),
                   {},
                   fmt::format("{}: GPU at {} MHz, {} of 8 multiprocessors{}; peaks are clock x units, DLA not counted",
                               file, row.mhz, row.multiprocessors, row.more)};
    if (row.memory_mhz > 0) mode.bytes_per_s = row.memory_mhz * 1e6 * kMemoryBytesPerClock;
    modes.push_back(std::move(mode));
  }
  return modes;
}

constexpr NvpMode k10W{"10W", 4, 612, ", memory at 2,133 MHz", 2133};
constexpr NvpMode k15W{"15W", 4, 612};

Device OrinNx16() {
  Device device;
  device.name = "orin-nx-16";
  device.title = "Jetson Orin NX 16 GB";
  device.memory_bytes = 16 * kGiB;
  // CUDA's deviceQuery on this module shows 15,189,422,080 bytes (JetPack 5); an idle desktop takes 1.5 GB of them
  // (0.7 GB without one: Seeed's wiki on the reComputer J4012).
  device.reserved_bytes = device.memory_bytes - 15'189'422'080 + 1'500'000'000;
  device.bytes_per_s = 102.4e9;
  device.cache_bytes = 2 * 1024 * 1024;
  device.source =
      "NVIDIA Jetson Orin NX Series data sheet DS-10712-001: 16 GB of 128-bit LPDDR5, 102.4 GB/s. L2 cache, reserved: "
      "deviceQuery on the module, and an idle desktop as Seeed's wiki measured it";
  device.modes =
      OrinNxModes("nvpmodel_p3767_0000.conf",
                  {k10W, k15W, {"25W", 8, 408}, {"MAXN", 8, 918, ", the data sheet's 60 of 100 sparse INT8 TOPS"}});
  return device;
}

// The same module flashed with the Super configuration that JetPack 6.2 brought.
Device OrinNx16Super() {
  Device device = OrinNx16();
  device.name = "orin-nx-16-super";
  device.title = "Jetson Orin NX 16 GB, Super";
  device.modes =
      OrinNxModes("nvpmodel_p3767_0000_super.conf", {k10W,
                                                     k15W,
                                                     {"25W", 8, 408},
                                                     {"40W", 8, 1173},
                                                     {"MAXN_SUPER", 8, 1173, ", NVIDIA's 77 of 157 sparse INT8 TOPS"}});
  return device;
}

Device OrinNx8() {
  Device device;
  device.name = "orin-nx-8";
  device.title = "Jetson Orin NX 8 GB";
  device.memory_bytes = 8 * kGiB;
  device.bytes_per_s = 102.4e9;
  device.source = "NVIDIA Jetson Orin NX Series data sheet DS-10712-001: 8 GB of 128-bit LPDDR5, 102.4 GB/s";
  device.modes =
      OrinNxModes("nvpmodel_p3767_0001.conf",
                  {k10W, k15W, {"20W", 8, 408}, {"MAXN", 8, 765, ", the data sheet's 50 of 70 sparse INT8 TOPS"}});
  return device;
}

Device OrinAgx64() {
  Device device;
  device.name = "orin-agx-64";
  device.title = "Jetson AGX Orin 64 GB";
  device.memory_bytes = 64 * kGiB;
  device.bytes_per_s = 204.8e9;
  device.cache_bytes = 4 * 1024 * 1024;
  device.source = "NVIDIA Jetson AGX Orin Series data sheet: 64 GB of 256-bit LPDDR5, 204.8 GB/s, L2 4 MB";
  const auto mode = [](const char* name, double tops) {
    return PowerMode{name,
                     OfSparseInt8(tops),
                     {},
                     fmt::format("NVIDIA Deep-Learning-Accelerator-SW: GPU {} sparse INT8 TOPS; peaks derived", tops)};
  };
  device.modes = {mode("15W", 14), mode("30W", 41), mode("50W", 109), mode("MAXN", 171)};
  return device;
}

// "'x' is not known; did you mean y?" or the names there are.
Error UnknownName(std::string_view what, std::string_view name, const std::vector<std::string>& names) {
  const std::string near = NearestWord(name, names);
  return UsageError(
      fmt::format("{} '{}' is not known", what, name),
      near.empty() ? fmt::format("there are {}", fmt::join(names, ", ")) : fmt::format("did you mean {}?", near));
}

}  // namespace

std::optional<double> Device::BytesPerSecond(const PowerMode& mode) const {
  return mode.bytes_per_s ? mode.bytes_per_s : bytes_per_s;
}

Result<const PowerMode*> Device::FindMode(std::string_view wanted) const {
  std::vector<std::string> names;
  for (const PowerMode& mode : modes) {
    if (mode.name == wanted) return &mode;
    names.push_back(mode.name);
  }
  return UnknownName(fmt::format("power mode of {}", name), wanted, names);
}

const PowerMode& Fastest(std::span<const PowerMode> modes) {
  return *std::ranges::max_element(modes, {}, [](const PowerMode& mode) {
    double best = 0;
    for (const PrecisionRow& row : kPrecisions) best = std::max(best, (mode.macs_per_s.*row.peak).value_or(0));
    return best;
  });
}

std::span<const Device> Devices() {
  static const std::vector<Device> devices{OrinNx16(), OrinNx16Super(), OrinNx8(), OrinAgx64()};
  return devices;
}

std::vector<std::string> DeviceNames() {
  std::vector<std::string> names;
  for (const Device& device : Devices()) names.push_back(device.name);
  return names;
}

Result<const Device*> FindDevice(std::string_view name) {
  for (const Device& device : Devices()) {
    if (device.name == name) return &device;
  }
  Error error = UnknownName("device", name, DeviceNames());
  error.advice += " (another can be described in a .json file)";
  return error;
}

}  // namespace vlaq::cost
