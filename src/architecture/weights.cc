#include "architecture/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/names.h"
#include "tensor/convert.h"
#include "tensor/layout.h"
#include "tensor/non_finite.h"

namespace vlaq::architecture {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Entry;

// A piece of this size is converted, written and released before the next is read.
constexpr size_t kPieceBytes = size_t{4} << 20U;

constexpr std::array kTransforms{
    Named<Transform>{Transform::kCopy, "copy"},
    Named<Transform>{Transform::kTranspose, "transpose"},
    Named<Transform>{Transform::kLstmGates, "lstm_gates_ifgo_to_iofc"},
    Named<Transform>{Transform::kLstmBias, "lstm_bias_ifgo_to_iofc"},
    Named<Transform>{Transform::kPositions, "sinusoidal_positions"},
};
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

// The shape a transformation gives; empty if the sources do not fit it.
std::optional<Shape> TransformedShape(Transform transform, const Shape& source, size_t source_count) {
  const size_t rank = source.size();
  switch (transform) {
    case Transform::kCopy:
      if (source_count == 1) return source;
      break;
    case Transform::kTranspose:
      if (source_count == 1 && rank == 2) return Shape{source[1], source[0]};
      break;
    case Transform::kLstmGates:
      if (source_count == 1 && rank == 2 && source[0] % 4 == 0) return Shape{1, source[0], source[1]};
      break;
    case Transform::kLstmBias:
      if (source_count == 2 && rank == 1 && source[0] % 4 == 0) return Shape{1, 2 * source[0]};
      break;
    case Transform::kPositions:
      break;
  }
  return std::nullopt;
}

// Torch stacks the gates as input, forget, cell, output; ONNX as input, output, forget, cell (its LSTM operator).
constexpr std::array<size_t, 4> kOnnxGateFromTorch{0, 3, 1, 2};

void PermuteGates(Bytes in, MutableBytes out) {
  const size_t gate = in.size() / 4;
  for (size_t i = 0; i < 4; ++i) {
    std::copy_n(in.begin() + static_cast<std::ptrdiff_t>(kOnnxGateFromTorch[i] * gate), gate,
                out.begin() + static_cast<std::ptrdiff_t>(i * gate));
  }
}

// Rows of sines then cosines (spec/model.md 4.4): w_k = exp(-k ln(10000) / (half - 1)), row p = [sin(p w_k), cos(p
// w_k)]; row 1 belongs to the padding token and is zero. An odd width ends in a zero. Computed in float32 steps, as
// fairseq and transformers do, so that the angles carry the same rounding.
Tensor SinusoidalPositions(const Shape& shape) {
  Tensor table = Tensor::Make(DType::kF32, shape);
  const int64_t half = shape[1] / 2;
  const auto values = table.mutable_data<float>();
  const auto step = static_cast<float>(std::log(10000.0) / static_cast<double>(half - 1));
  for (int64_t p = 0; p < shape[0]; ++p) {
    if (p == 1) continue;
    for (int64_t k = 0; k < half; ++k) {
      const float frequency = std::exp(static_cast<float>(k) * -step);
      const float angle = static_cast<float>(p) * frequency;
      values[static_cast<size_t>(p * shape[1] + k)] = std::sin(angle);
      values[static_cast<size_t>(p * shape[1] + half + k)] = std::cos(angle);
    }
  }
  return table;
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
  if (recipe.transform == Transform::kPositions) return SinusoidalPositions(recipe.shape);
  const Entry& first = *checkpoint.Find(recipe.sources.front());
  Tensor out = Tensor::Make(first.dtype, recipe.shape);
  MutableBytes rest = out.mutable_bytes();
  for (const std::string& name : recipe.sources) {
    const Entry& entry = *checkpoint.Find(name);
    const Tensor source = checkpoint.Read(entry);
    VLAQ_RETURN_IF_ERROR(CheckFinite(name, FindNonFinite(entry.dtype, source.bytes()), entry.size()));
    const MutableBytes part = rest.first(source.bytes().size());
    if (recipe.transform == Transform::kTranspose) {
      Transpose(source.bytes(), source.shape()[0], source.shape()[1], DTypeBits(entry.dtype) / 8, part);
    } else {
      PermuteGates(source.bytes(), part);
    }
    rest = rest.subspan(part.size());
    if (entry.contiguous) checkpoint.FileOf(entry).Release(checkpoint.Raw(entry));
  }
  return out;
}

}  // namespace

std::string_view TransformName(Transform transform) { return NameIn(kTransforms, transform); }
std::optional<Transform> FindTransform(std::string_view name) { return FindIn(kTransforms, name); }
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

Result<const PlacedWeight*> WeightTable::Place(const std::string& name, Transform transform,
                                               const std::vector<std::string>& sources) {
  WeightRecipe recipe{name, transform, {}, DType::kF32, {}};
  const Entry* first = nullptr;
  for (const std::string& source : sources) {
    const auto it = names_.find(source);
    const Entry* entry = it == names_.end() ? nullptr : checkpoint_.Find(it->second);
    if (entry == nullptr)
      return InternalError(source, "the architecture asks for a tensor that it did not find before");
    if (first == nullptr) first = entry;
    if (entry->shape != first->shape || entry->dtype != first->dtype) {
      return InputError(fmt::format("tensor '{}'", it->second),
                        fmt::format("differs in shape or type from '{}', with which it is joined", first->name));
    }
    recipe.sources.push_back(it->second);
  }
  const auto shape = TransformedShape(transform, first->shape, sources.size());
  if (!shape)
    return InternalError(name, fmt::format("'{}' does not fit {}", TransformName(transform), ShapeText(first->shape)));
  recipe.dtype = StoredType(precision_, first->dtype, transform == Transform::kLstmBias ? 1 : first->shape.size());
  recipe.shape = *shape;
  return Insert(std::move(recipe));
}

Result<const PlacedWeight*> WeightTable::PlacePositions(const std::string& name, int64_t rows, int64_t width) {
  return Insert({name, Transform::kPositions, {}, DType::kF32, {rows, width}});
}

Status StreamWeight(const WeightRecipe& recipe, const Checkpoint& checkpoint,
                    const std::function<Status(Bytes)>& sink) {
  if (recipe.transform == Transform::kCopy) {
    const Entry& entry = *checkpoint.Find(recipe.sources.front());
    const Tensor source = checkpoint.Read(entry);
    return StreamConverted(recipe, entry.dtype, source.bytes(), entry.contiguous ? &checkpoint.FileOf(entry) : nullptr,
                           sink);
  }
  VLAQ_ASSIGN_OR_RETURN(const Tensor transformed, Transformed(recipe, checkpoint));
  return StreamConverted(recipe, transformed.dtype(), transformed.bytes(), nullptr, sink);
}

}  // namespace vlaq::architecture
