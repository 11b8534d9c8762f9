#include "quantize/apply/new_weights_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "bundle/hashed_file.h"
#include "quantize/numerics/encode.h"
#include "tensor/convert.h"

namespace vlaq::apply {
namespace {

using numerics::Encoded;
using rewrite::NewWeight;
using rewrite::Part;
using rewrite::WeightJob;

constexpr uint64_t kAlignment = 64;  // as exported bundles have it

struct Place {
  uint64_t offset = 0, length = 0;
};
using rewrite::Sources;
using Places = std::map<std::string, Place, std::less<>>;

// Weights that stay as they are, and are large enough for it, lie within a block as they did in the source, so that a
// file system may share the blocks.
constexpr uint64_t kMinShared = uint64_t{1} << 20U;

uint64_t PlaceFor(const NewWeight& weight, uint64_t length, uint64_t end, const onnx::Initializer& source) {
  const uint64_t offset = (end + kAlignment - 1) / kAlignment * kAlignment;
  const auto* external = std::get_if<onnx::ExternalData>(&source.data);
  if (weight.part != Part::kValues || length < kMinShared || external == nullptr) return offset;
  const uint64_t wanted = external->offset % OutputFile::kSharedBlock;
  return offset + (OutputFile::kSharedBlock + wanted - offset % OutputFile::kSharedBlock) % OutputFile::kSharedBlock;
}

Places GivePlaces(const rewrite::NewWeights& weights, const Sources& sources) {
  Places places;
  uint64_t end = 0;
  for (const WeightJob& job : weights.jobs()) {
    for (const NewWeight& weight : job.outputs) {
      const uint64_t length = ByteCount(weight.dtype, weight.shape).value_or(0);
      const uint64_t offset = PlaceFor(weight, length, end, *sources.find(job.source)->second);
      places.emplace(weight.name, Place{offset, length});
      end = offset + length;
    }
  }
  return places;
}

void PlaceInGraphs(const Places& places, const std::string& file, rewrite::Graphs& graphs) {
  for (auto& [role, model] : graphs) {
    for (onnx::Initializer& initializer : model.graph.initializers) {
      if (!initializer.is_external()) continue;
      const Place& place = places.at(initializer.name);
      initializer.data = onnx::ExternalData{file, place.offset, place.length};
    }
  }
}

bool Lies(Bytes part, Bytes whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

// [1, m, n] -> [1, n, m], or [m, n] -> [n, m], int8, in squares that stay in the cache.
Tensor Transposed(const Tensor& codes) {
  const bool plain = codes.rank() == 2;
  const int64_t m = codes.shape()[plain ? 0 : 1], n = codes.shape()[plain ? 1 : 2];
  Tensor result = Tensor::Make(DType::kI8, plain ? Shape{n, m} : Shape{1, n, m});
  const auto from = codes.data<int8_t>();
  const auto to = result.mutable_data<int8_t>();
  constexpr int64_t kSquare = 64;
  for (int64_t i0 = 0; i0 < m; i0 += kSquare) {
    for (int64_t j0 = 0; j0 < n; j0 += kSquare) {
      for (int64_t i = i0; i < std::min(m, i0 + kSquare); ++i) {
        for (int64_t j = j0; j < std::min(n, j0 + kSquare); ++j) {
          to[static_cast<size_t>(j * m + i)] = from[static_cast<size_t>(i * n + j)];
        }
      }
    }
  }
  return result;
}

// A weight of which more than this is lost is not that weight any more.
constexpr double kMaxLost = 0.5;

// `lost`: values that became 0.
Result<Tensor> ToHalf(const Tensor& values, int64_t& lost) {
  Tensor half = Tensor::Make(DType::kF16, values.shape());
  const ConversionReport report = Convert(values.dtype(), values.bytes(), DType::kF16, half.mutable_bytes());
  const std::string advice = "keep this operator in float32: --keep-float GROUP (vlaq plan quantize lists the groups)";
  if (report.overflowed > 0) {
    return InputError(
        "", fmt::format("{} of {} values do not fit float16 (beyond 65504)", report.overflowed, values.size()), advice);
  }
  lost = report.flushed;
  if (static_cast<double>(lost) > kMaxLost * static_cast<double>(values.size())) {
    return InputError("", fmt::format("{} of {} values become 0 in float16", lost, values.size()), advice);
  }
  return half;
}

// The stored parts of one source weight, made at most once each.
class Maker {
 public:
  Maker(const WeightJob& job, const Tensor& values, int threads) : job_(job), values_(values), threads_(threads) {}

  Result<Tensor> Make(Part part) {
    switch (part) {
      case Part::kValues:
        return values_;
      case Part::kHalf:
        return ToHalf(values_, lost_);
      case Part::kCodes:
      case Part::kScales:
      case Part::kRowScales:
      case Part::kPackedInt4:
      case Part::kNBitsValues:
      case Part::kNBitsScales:
      case Part::kTransposedCodes:
      case Part::kDirectionScales:
        break;
    }
    if (!encoded_) {
      VLAQ_ASSIGN_OR_RETURN(const Tensor wide, ToFloat32(values_));
      VLAQ_ASSIGN_OR_RETURN(encoded_, numerics::Encode(wide, *job_.choice, threads_));
    }
    return PartOf(part);
  }
  const std::optional<Encoded>& encoded() const { return encoded_; }
  // Values that became 0 in float16.
  int64_t lost() const { return lost_; }

 private:
  Tensor PartOf(Part part) {
    if (part == Part::kPackedInt4) return numerics::PackInt4(encoded_->codes);
    if (part == Part::kTransposedCodes) return Transposed(encoded_->codes);
    if (part == Part::kNBitsValues || part == Part::kNBitsScales) {
      if (!packed_) packed_ = numerics::PackNBits(*encoded_, job_.choice->number, job_.choice->block);
      return part == Part::kNBitsValues ? packed_->values : packed_->scales;
    }
    return part == Part::kCodes ? encoded_->codes : encoded_->scales;
  }

  const WeightJob& job_;
  const Tensor& values_;
  int threads_;
  std::optional<Encoded> encoded_;
  std::optional<numerics::NBits> packed_;
  int64_t lost_ = 0;
};

std::string TransformText(const WeightJob& job, const NewWeight& weight, bool adjusted) {
  std::string text{PartName(weight.part)};
  const bool encoded = weight.part != Part::kValues && weight.part != Part::kHalf;
  if (encoded && job.choice) {
    text += fmt::format(" of {} by {}", NumericTypeName(job.choice->number), GranularityName(job.choice->granularity));
  }
  return adjusted ? text + ", smoothed" : text;
}

}  // namespace

Result<Tensor> Adjusted(const onnx::Initializer& source, const WeightTransforms& adjustments,
                        onnx::WeightFiles& files) {
  VLAQ_ASSIGN_OR_RETURN(Tensor values, files.Load(source));
  const auto found = adjustments.find(source.name);
  if (found == adjustments.end()) return values;
  const Adjustment& adjustment = found->second;
  VLAQ_ASSIGN_OR_RETURN(const Tensor wide, ToFloat32(values));
  Tensor result = Tensor::Make(DType::kF32, wide.shape());
  const auto from = wide.data<float>();
  const auto to = result.mutable_data<float>();
  const size_t rows = adjustment.row_factors.size();
  const size_t width = rows == 0 ? 0 : from.size() / rows;
  for (size_t i = 0; i < from.size(); ++i) {
    float value = from[i];
    if (rows != 0) value *= adjustment.row_factors[i / width];
    if (!adjustment.added.empty()) value += adjustment.added[i];
    to[i] = value;
  }
  return result;
}

Result<WrittenWeights> WriteNewWeights(rewrite::Rewritten& rewritten, const Sources& sources,
                                       const WeightTransforms& adjustments, onnx::WeightFiles& files,
                                       const std::filesystem::path& path, int threads, Log& log) {
  const Places places = GivePlaces(rewritten.weights, sources);
  PlaceInGraphs(places, path.filename().string(), rewritten.graphs);
  VLAQ_ASSIGN_OR_RETURN(auto file, bundle::HashedFile::Create(path));
  uint64_t bytes = 0;
  for (const auto& [name, place] : places) bytes = std::max(bytes, place.offset + place.length);
  VLAQ_RETURN_IF_ERROR(file.Expect(bytes));
  WrittenWeights written;
  size_t done = 0;
  for (const WeightJob& job : rewritten.weights.jobs()) {
    const bool adjusted = adjustments.contains(job.source);
    const onnx::Initializer& source = *sources.find(job.source)->second;
    VLAQ_ASSIGN_OR_RETURN(const Tensor values, Adjusted(source, adjustments, files));
    Maker maker(job, values, threads);
    for (const NewWeight& weight : job.outputs) {
      const Place& place = places.at(weight.name);
      auto part = maker.Make(weight.part);
      if (!part.ok()) return Within(fmt::format("weight '{}'", job.source), part.error());
      VLAQ_RETURN_IF_ERROR(file.PadTo(place.offset));
      const auto source_file = files.FileOf(source);
      const bool as_it_was = source_file != nullptr && Lies(part->bytes(), source_file->bytes());
      VLAQ_RETURN_IF_ERROR(as_it_was ? file.WriteShared(*source_file, part->bytes()) : file.Write(part->bytes()));
      written.records.push_back({weight.name,
                                 weight.dtype,
                                 weight.shape,
                                 place.offset,
                                 place.length,
                                 TransformText(job, weight, adjusted),
                                 {job.source},
                                 Xxh3Hex(part->bytes())});
    }
    if (maker.encoded()) {
      written.losses.push_back({job.source, job.choice->number, maker.encoded()->dead, maker.encoded()->distortion});
    }
    if (maker.lost() > 0) {
      rewritten.notes.push_back(
          fmt::format("weight '{}': {} of {} values become 0 in float16", job.source, maker.lost(), values.size()));
    }
    files.Release(source);
    log.Progress("weights", ++done, rewritten.weights.jobs().size());
  }
  VLAQ_ASSIGN_OR_RETURN(written.file, file.Commit());
  return written;
}

}  // namespace vlaq::apply
