#include <fmt/format.h>

#include "onnx/external_path.h"
#include "onnx/model_file.h"

namespace vlaq::onnx {
namespace {

bool IsAligned(Bytes bytes, DType dtype) {
  const size_t item = std::max<size_t>(1, DTypeBits(dtype) / 8);
  return reinterpret_cast<uintptr_t>(bytes.data()) % std::min(item, alignof(std::max_align_t)) == 0;
}

}  // namespace

Result<Tensor> WeightFiles::Load(const Initializer& initializer) {
  if (const Tensor* inline_data = std::get_if<Tensor>(&initializer.data)) return *inline_data;
  const auto& external = std::get<ExternalData>(initializer.data);
  const std::string where = fmt::format("initializer '{}'", initializer.name);
  const Status location = CheckLocation(external.location);
  if (!location.ok()) return Within(where, location.error());
  auto& file = files_[external.location];
  if (!file) {
    auto opened = MappedFile::Open(folder_ / external.location);
    if (!opened.ok()) return Within(where, opened.error());
    file = *opened;
  }
  const Status range = CheckRange(initializer, external, file->bytes().size());
  if (!range.ok()) return Within(file->path().string(), Within(where, range.error()));
  const Bytes bytes = file->bytes().subspan(external.offset, external.length);
  if (IsAligned(bytes, initializer.dtype)) return Tensor::View(initializer.dtype, initializer.shape, bytes, file);
  Tensor copy = Tensor::Make(initializer.dtype, initializer.shape);  // other tools write unaligned offsets
  std::copy(bytes.begin(), bytes.end(), copy.mutable_bytes().begin());
  return copy;
}

std::shared_ptr<const MappedFile> WeightFiles::FileOf(const Initializer& initializer) const {
  const auto* external = std::get_if<ExternalData>(&initializer.data);
  const auto found = external == nullptr ? files_.end() : files_.find(external->location);
  return found == files_.end() ? nullptr : found->second;
}

void WeightFiles::Release(const Initializer& initializer) const {
  const auto file = FileOf(initializer);
  if (file == nullptr) return;
  const auto& external = std::get<ExternalData>(initializer.data);
  file->Release(file->bytes().subspan(external.offset, external.length));
}

}  // namespace vlaq::onnx
