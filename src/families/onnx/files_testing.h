// Files as PyTorch's exporters and people write them, with what is known of each. testdata/onnx_import holds a few,
// ../shared/lerobot/onnx all of them where it is there. For tests only.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "tensor/convert.h"

namespace vlaq::importing::testing {

inline const std::filesystem::path kOwn = std::filesystem::path(VLAQ_TESTDATA) / "onnx_import";
inline const std::filesystem::path kShared = std::filesystem::path(VLAQ_TESTDATA) / "../../shared/lerobot/onnx";

// Files that must not be imported, and what is said of them.
inline const std::map<std::string, std::string> kRefused = {
    {"hand_custom_op", "(com.acme::Magic): operators of domain 'com.acme' are not known"},
    {"hand_external_outside", "'../outside.bin' is not a file inside the model's folder"},
    {"hand_truncated", "not an ONNX model"},
    {"smolvla_step_legacy_17", "(CumSum): its input '"},
};
// Where weights were inputs, ONNX Runtime could not fold them into each other; now it does, and rounds otherwise.
inline const std::map<std::string, double> kRounded = {{"act_legacy_14_keep_bn", 1e-5}};
// ONNX Runtime does not open these as they are, and there are no numbers to compare with.
inline const std::vector<std::string> kWithoutNumbers = {"hand_same_names_13"};

inline std::vector<std::filesystem::path> Files() {
  std::map<std::string, std::filesystem::path> files;
  std::error_code ignored;
  for (const std::filesystem::path& folder : {kShared, kOwn}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
      if (entry.path().extension() == ".onnx") files[entry.path().stem().string()] = entry.path();
    }
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& [name, path] : files) paths.push_back(path);
  return paths;
}

// The tensors of NAME.io.safetensors that begin with `prefix`, without it.
inline std::map<std::string, Tensor> Recorded(const std::filesystem::path& file, std::string_view prefix) {
  std::map<std::string, Tensor> tensors;
  std::filesystem::path io = file;
  io.replace_extension(".io.safetensors");
  const auto checkpoint = checkpoint::Checkpoint::Open(io);
  if (!checkpoint.ok()) return tensors;
  for (const checkpoint::Entry& entry : (*checkpoint)->entries()) {
    if (!entry.name.starts_with(prefix)) continue;
    Tensor copy = Tensor::Make(entry.dtype, entry.shape);  // aligned, and not of the mapped file
    std::ranges::copy((*checkpoint)->Read(entry).bytes(), copy.mutable_bytes().begin());
    tensors.emplace(entry.name.substr(prefix.size()), copy);
  }
  return tensors;
}

// The largest |a - b| / max(1, |b|); infinite where types or shapes differ. Integers must be equal.
inline double Distance(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return HUGE_VAL;
  if (!IsFloat(a.dtype())) return std::ranges::equal(a.bytes(), b.bytes()) ? 0 : HUGE_VAL;
  double largest = 0;
  const auto compare = [&](const auto& x, const auto& y) {
    for (size_t i = 0; i < x.size(); ++i) {
      const auto p = static_cast<double>(x[i]), q = static_cast<double>(y[i]);
      const bool same = p == q || (std::isnan(p) && std::isnan(q));
      largest = std::max(largest, same ? 0 : std::abs(p - q) / std::max(1.0, std::abs(q)));
    }
  };
  if (a.dtype() == DType::kF64) {
    compare(a.data<double>(), b.data<double>());
  } else {
    compare(ToFloat32(a)->data<float>(), ToFloat32(b)->data<float>());
  }
  return largest;
}

// How far what was computed may be from the numbers beside the file.
inline double BoundOf(const std::string& name) { return kRounded.contains(name) ? kRounded.at(name) : 1e-6; }

}  // namespace vlaq::importing::testing
