#include "verify/golden.h"

#include <fmt/format.h>

#include <algorithm>

namespace vlaq::verify {

using checkpoint::Checkpoint;

bool HasExtents(std::span<const int64_t> extents, std::span<const int64_t> wanted) {
  return std::equal(extents.begin(), extents.end(), wanted.begin(), wanted.end(),
                    [](int64_t extent, int64_t want) { return want < 0 || extent == want; });
}

Result<Golden> Golden::Open(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(auto file, Checkpoint::Open(path));
  return Golden(std::move(file));
}

std::vector<std::string> Golden::Names() const {
  std::vector<std::string> names;
  for (const checkpoint::Entry& entry : file_->entries()) names.push_back(entry.name);
  return names;
}

bool Golden::IsByStep(std::string_view name, size_t steps) const {
  const checkpoint::Entry* entry = file_->Find(name);
  return entry != nullptr && IsFloat(entry->dtype) && !entry->shape.empty() &&
         entry->shape[0] == static_cast<int64_t>(steps);
}

Result<Tensor> Golden::Read(std::string_view name) const {
  const checkpoint::Entry* entry = file_->Find(name);
  if (entry == nullptr) return InputError(path().string(), fmt::format("holds no tensor '{}'", name));
  const Tensor view = file_->Read(*entry);
  Tensor copy = Tensor::Make(view.dtype(), view.shape());
  std::copy(view.bytes().begin(), view.bytes().end(), copy.mutable_bytes().begin());
  return copy;
}

Result<Tensor> Golden::Load(std::string_view name) const {
  VLAQ_ASSIGN_OR_RETURN(Tensor tensor, Read(name));
  if (tensor.shape().empty() || tensor.size() == 0) {
    return InputError(fmt::format("{}: '{}'", path().string(), name), "is empty");
  }
  return tensor;
}

}  // namespace vlaq::verify
