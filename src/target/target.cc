#include "target/target.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace vlaq::target {
namespace {

constexpr std::string_view kTensorRtProvider = "tensorrt";

const TensorRt* VersionNamed(std::string_view name) {
  const auto rows = TensorRtVersions();
  const auto found = std::ranges::find(rows, name, &TensorRt::name);
  return found == rows.end() ? nullptr : &*found;
}

auto& Targets() {
  static std::array table{
      Target{{.contrib_operators = true, .dynamic_int8 = true, .asymmetric_activations = true, .int4 = true},
             "cpu",
             "stock ONNX Runtime on a CPU",
             "cpu",
             "",
             "CPU-01"},
      Target{{.quantize_for_each_reader = true},
             "portable",
             "any ONNX runtime: opset 17, standard operators, symmetric Q/DQ",
             "",
             "",
             "PORT-01"},
      Target{VersionNamed("8.6")->takes, "tensorrt-8.6", "JetPack 6.0: TensorRT 8.6", kTensorRtProvider, "8.6",
             "TRT-G01"},
      Target{VersionNamed("10.3")->takes, "tensorrt-10", "JetPack 6.1 and later: TensorRT 10", kTensorRtProvider,
             "10.3", "TRT-G02"},
  };
  return table;
}

const Target* FindOrNull(std::string_view name) {
  const auto found = std::ranges::find(Targets(), name, &Target::name);
  return found == Targets().end() ? nullptr : &*found;
}

}  // namespace

std::span<const Target> All() { return Targets(); }

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const Target& target : Targets()) names.emplace_back(target.name);
  return names;
}

Result<const Target*> Find(std::string_view name) {
  if (const Target* found = FindOrNull(name)) return found;
  return InputError("target", fmt::format("'{}' is not known", name),
                    fmt::format("there are {}", fmt::join(Names(), ", ")));
}

bool IsForTensorRt(std::string_view target) {
  const Target* found = FindOrNull(target);
  return found != nullptr && found->IsTensorRt();
}

const TensorRt* UsualTensorRt(std::string_view target) {
  const Target* found = FindOrNull(target);
  return found == nullptr ? nullptr : VersionNamed(found->tensorrt);
}

bool FitsTarget(std::string_view target, const Version& version) {
  return !target.empty() && TargetFor(version) == target;
}

std::string_view TargetFor(const Version& version) {
  const TensorRt* row = FindTensorRt(version);
  return row == nullptr ? "" : row->target;
}

void TakeFactsOfVersions() {
  for (Target& target : Targets()) {
    if (target.IsTensorRt()) static_cast<Takes&>(target) = VersionNamed(target.tensorrt)->takes;
  }
}

}  // namespace vlaq::target
