// Reference tensors in a .safetensors file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "checkpoint/checkpoint.h"
#include "tensor/tensor.h"

namespace vlaq::verify {

// Whether the extents are those that are wanted, where -1 is any.
bool HasExtents(std::span<const int64_t> extents, std::span<const int64_t> wanted);

class Golden {
 public:
  static Result<Golden> Open(const std::filesystem::path& path);
  bool Has(std::string_view name) const { return file_->Find(name) != nullptr; }
  std::vector<std::string> Names() const;
  // Whether it is a float tensor with a row for each of so many steps.
  bool IsByStep(std::string_view name, size_t steps) const;
  const std::filesystem::path& path() const { return file_->path(); }
  // An aligned copy. Errors: kInput if it is missing.
  Result<Tensor> Read(std::string_view name) const;
  // The same of a tensor with at least one axis and one element. Errors: kInput if it has none.
  Result<Tensor> Load(std::string_view name) const;

 private:
  explicit Golden(std::shared_ptr<const checkpoint::Checkpoint> file) : file_(std::move(file)) {}
  std::shared_ptr<const checkpoint::Checkpoint> file_;
};

}  // namespace vlaq::verify
