#include "families/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/names.h"
#include "tensor/convert.h"
#include "tensor/layout.h"
#include "tensor/non_finite.h"

namespace vlaq::families {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Entry;

// A piece of this size is converted, written and released before the next is read.
constexpr size_t kPieceBytes = size_t{4} << 20U;

constexpr std::array kPrecisions{
    Named<StoredPrecision>{StoredPrecision::kFp32, "fp32"},
    Named<StoredPrecision>{StoredPrecision::kFp16, "fp16"},
    Named<StoredPrecision>{StoredPrecision::kBf16AsStored, "bf16-as-stored"},
};

DType StoredType(StoredPrecision precision, DType source, size_t rank) {
  switch (precision) {
    case StoredPrecision::kFp32:
      return DType::kF32;
    case StoredPrecision::kFp16:
      return rank >= 2 ? DType::kF16 : DType::kF32;
    case StoredPrecision::kBf16AsStored:
      return source == DType::kBF16 ? DType::kBF16 : DType::kF32;
  }
  return DType::kF32;
}

std::optional<Shape> ShapeOfCopy(const Shape& source, size_t sources) {
  if (sources != 1) return std::nullopt;
  return source;
}

std::optional<Shape> ShapeOfTranspose(const Shape& source, size_t sources) {
  if (sources != 1 || source.size() != 2) return std::nullopt;
  return Shape{source[1], source[0]};
}

void ApplyTranspose(const std::vector<Tensor>& sources, const Shape& stored, MutableBytes out) {
  const Tensor& source = sources.front();
  Transpose(source.bytes(), stored[1], stored[0], DTypeBits(source.dtype()) / 8, out);
}

Status ConvertPiece(const WeightRecipe& recipe, DType from, Bytes piece, std::vector<std::byte>& buffer,
                    const std::function<Status(Bytes)>& sink) {
  if (from == recipe.dtype) return sink(piece);
  buffer.resize(piece.size() / (DTypeBits(from) / 8) * (DTypeBits(recipe.dtype) / 8));
  const ConversionReport report = Convert(from, piece, recipe.dtype, buffer);
  if (report.overflowed > 0) {
    return InputError(fmt::format("tensor '{}'", recipe.sources.front()),
                      fmt::format("{} values are too large for {}", report.overflowed, DTypeName(recipe.dtype)),
                      "export with --precision fp32");
  }
  return sink(buffer);
}

// A policy with such a weight is lost: what reaches its actions is NaN, or, where a runtime swallows it, no longer
// depends on the picture.
Status CheckFinite(const std::string& tensor, const NonFinite& found, int64_t elements) {
  if (!found.any()) return {};
  return InputError(fmt::format("tensor '{}'", tensor), found.Describe(elements),
                    "the training diverged or the file is damaged: take an earlier checkpoint; `vlaq inspect --hash` "
                    "names every such tensor");
}

Status StreamConverted(const WeightRecipe& recipe, DType from, Bytes bytes, const MappedFile* file,
                       const std::function<Status(Bytes)>& sink) {
  std::vector<std::byte> buffer;
  NonFinite found;
  const auto count = [from](Bytes part) { return static_cast<int64_t>(part.size() * 8 / DTypeBits(from)); };
  const int64_t elements = count(bytes);
  for (int64_t first = 0; !bytes.empty();) {
    const Bytes piece = bytes.first(std::min(kPieceBytes, bytes.size()));
    Merge(found, FindNonFinite(from, piece, first));
    if (!found.any()) VLAQ_RETURN_IF_ERROR(ConvertPiece(recipe, from, piece, buffer, sink));
    if (file != nullptr) file->Release(piece);
    first += count(piece);
    bytes = bytes.subspan(piece.size());
  }
  return CheckFinite(recipe.sources.empty() ? recipe.name : recipe.sources.front(), found, elements);
}

Result<Tensor> Transformed(const WeightRecipe& recipe, const Checkpoint& checkpoint) {
  std::vector<Tensor> sources;
  for (const std::string& name : recipe.sources) {
    const Entry& entry = *checkpoint.Find(name);
    sources.push_back(checkpoint.Read(entry));
    VLAQ_RETURN_IF_ERROR(CheckFinite(name, FindNonFinite(entry.dtype, sources.back().bytes()), entry.size()));
  }
  Tensor out = Tensor::Make(sources.empty() ? DType::kF32 : sources.front().dtype(), recipe.shape);
  recipe.transform->apply(sources, recipe.shape, out.mutable_bytes());
  for (const std::string& name : recipe.sources) {
    const Entry& entry = *checkpoint.Find(name);
    if (entry.contiguous) checkpoint.FileOf(entry).Release(checkpoint.Raw(entry));
  }
  return out;
}

}  // namespace

const Transform kCopy{"copy", ShapeOfCopy, nullptr};
const Transform kTranspose{"transpose", ShapeOfTranspose, ApplyTranspose};

std::string_view StoredPrecisionName(StoredPrecision precision) { return NameIn(kPrecisions, precision); }
std::optional<StoredPrecision> FindStoredPrecision(std::string_view name) { return FindIn(kPrecisions, name); }

Result<const PlacedWeight*> WeightTable::Insert(WeightRecipe recipe) {
  if (const auto it = by_name_.find(recipe.name); it != by_name_.end()) {
    const WeightRecipe& known = it->second->recipe;
    const bool same =
        known.transform == recipe.transform && known.sources == recipe.sources && known.shape == recipe.shape;
    if (!same) return InternalError(recipe.name, "asked for with two different recipes");
    return it->second;
  }
  const uint64_t length = *ByteCount(recipe.dtype, recipe.shape);
  const uint64_t offset = (end_ + kWeightAlignment - 1) / kWeightAlignment * kWeightAlignment;
  const std::string name = recipe.name;
  placed_.push_back({std::move(recipe), offset, length});
  end_ = offset + length;
  by_name_.emplace(name, &placed_.back());
  return &placed_.back();
}

Result<const PlacedWeight*> WeightTable::Place(const std::string& name, const Transform& transform,
                                               const std::vector<std::string>& sources) {
  WeightRecipe recipe{name, &transform, {}, DType::kF32, {}};
  const Entry* first = nullptr;
  for (const std::string& source : sources) {
    const auto it = names_.find(source);
    const Entry* entry = it == names_.end() ? nullptr : checkpoint_.Find(it->second);
    if (entry == nullptr) {
      return InputError(fmt::format("tensor '{}'", source), "is needed for the graphs, and the checkpoint has none",
                        "the checkpoint is incomplete or of another model");
    }
    if (first == nullptr) first = entry;
    if (entry->shape != first->shape || entry->dtype != first->dtype) {
      return InputError(fmt::format("tensor '{}'", it->second),
                        fmt::format("differs in shape or type from '{}', with which it is joined", first->name));
    }
    recipe.sources.push_back(it->second);
  }
  const auto shape = transform.shape(first->shape, sources.size());
  if (!shape) {
    return InputError(fmt::format("tensor '{}'", first->name),
                      fmt::format("has the shape {}, of which '{}' makes no weight '{}'", ShapeText(first->shape),
                                  transform.name, name),
                      "the checkpoint is of another model than the family takes it for");
  }
  recipe.dtype = StoredType(precision_, first->dtype, first->shape.size());
  recipe.shape = *shape;
  return Insert(std::move(recipe));
}

Result<const PlacedWeight*> WeightTable::PlaceComputed(const std::string& name, const Transform& transform,
                                                       const Shape& shape) {
  return Insert({name, &transform, {}, DType::kF32, shape});
}

Status StreamWeight(const WeightRecipe& recipe, const Checkpoint& checkpoint,
                    const std::function<Status(Bytes)>& sink) {
  if (recipe.transform == &kCopy) {
    const Entry& entry = *checkpoint.Find(recipe.sources.front());
    const Tensor source = checkpoint.Read(entry);
    return StreamConverted(recipe, entry.dtype, source.bytes(), entry.contiguous ? &checkpoint.FileOf(entry) : nullptr,
                           sink);
  }
  VLAQ_ASSIGN_OR_RETURN(const Tensor transformed, Transformed(recipe, checkpoint));
  return StreamConverted(recipe, transformed.dtype(), transformed.bytes(), nullptr, sink);
}

}  // namespace vlaq::families
