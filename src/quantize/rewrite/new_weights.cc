#include "quantize/rewrite/new_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/names.h"

namespace vlaq::rewrite {
namespace {

using numerics::BitsOf;
using numerics::Granularity;
using numerics::WeightChoice;

struct PartRow {
  Part value;
  std::string_view name;
  std::string_view suffix;  // of the initializer's name
};
constexpr std::array kParts = {
    PartRow{Part::kValues, "values", ""},
    PartRow{Part::kHalf, "float16", "/float16"},
    PartRow{Part::kCodes, "int8_codes", "/codes"},
    PartRow{Part::kScales, "scales", "/scale"},
    PartRow{Part::kRowScales, "row_scales", "/scale"},
    PartRow{Part::kPackedInt4, "int4_codes", "/codes"},
    PartRow{Part::kNBitsValues, "nbits_codes", "/codes"},
    PartRow{Part::kNBitsScales, "nbits_scales", "/scale"},
    PartRow{Part::kTransposedCodes, "transposed_int8_codes", "/codes"},
    PartRow{Part::kDirectionScales, "direction_scales", "/scale"},
};

const PartRow& RowOf(Part part) {
  return *std::find_if(kParts.begin(), kParts.end(), [&](const PartRow& row) { return row.value == part; });
}

int64_t Blocks(int64_t extent, int64_t block) { return (extent + block - 1) / block; }

Shape ScaleShape(const Shape& source, const WeightChoice& choice) {
  const auto axis = static_cast<size_t>(choice.axis);
  switch (choice.granularity) {
    case Granularity::kTensor:
      return {};
    case Granularity::kChannel:
      return {source[axis]};
    case Granularity::kBlock: {
      Shape shape = source;
      shape[axis] = Blocks(shape[axis], choice.block);
      return shape;
    }
  }
  return {};
}

bool NeedsChoice(Part part) { return part != Part::kValues && part != Part::kHalf; }

Shape ShapeOf(const Shape& source, Part part, const WeightChoice& choice) {
  switch (part) {
    case Part::kValues:
    case Part::kHalf:
    case Part::kCodes:
    case Part::kPackedInt4:
      return source;
    case Part::kScales:
      return ScaleShape(source, choice);
    case Part::kRowScales: {
      Shape shape(source.size(), 1);
      shape[0] = source[0];
      return shape;
    }
    case Part::kNBitsValues:
      return {source[1], Blocks(source[0], choice.block), choice.block * BitsOf(choice.number) / 8};
    case Part::kNBitsScales:
      return {source[1], Blocks(source[0], choice.block)};
    case Part::kTransposedCodes:
      return source.size() == 2 ? Shape{source[1], source[0]} : Shape{source[0], source[2], source[1]};
    case Part::kDirectionScales:
      return {source[0], source[1]};
  }
  return {};
}

DType TypeOf(Part part) {
  switch (part) {
    case Part::kHalf:
      return DType::kF16;
    case Part::kCodes:
    case Part::kTransposedCodes:
      return DType::kI8;
    case Part::kPackedInt4:
      return DType::kI4;
    case Part::kNBitsValues:
      return DType::kU8;
    case Part::kValues:
    case Part::kScales:
    case Part::kRowScales:
    case Part::kNBitsScales:
    case Part::kDirectionScales:
      return DType::kF32;
  }
  return DType::kF32;
}

bool Same(const WeightChoice& a, const WeightChoice& b) {
  return a.number == b.number && a.granularity == b.granularity && a.axis == b.axis && a.block == b.block &&
         a.range == b.range;
}

}  // namespace

std::string_view PartName(Part part) { return NameIn(kParts, part); }

Result<std::string> NewWeights::Place(const onnx::Initializer& source, Part part,
                                      const std::optional<WeightChoice>& choice) {
  const auto [found, inserted] = by_source_.emplace(source.name, jobs_.size());
  if (inserted) jobs_.push_back({source.name, std::nullopt, {}});
  WeightJob& job = jobs_[found->second];
  if (NeedsChoice(part)) {
    if (job.choice && !Same(*job.choice, *choice)) {
      return InputError(fmt::format("weight '{}'", source.name), "is wanted in two formats",
                        "give all operators that use it the same format");
    }
    job.choice = choice;
  }
  const auto same = std::find_if(job.outputs.begin(), job.outputs.end(), [&](const auto& o) { return o.part == part; });
  if (same != job.outputs.end()) return same->name;
  const DType dtype = part == Part::kValues ? source.dtype : TypeOf(part);
  std::string name = source.name + std::string(RowOf(part).suffix);
  // A table that is also a product's weight is stored in both layouts.
  const bool taken = std::any_of(job.outputs.begin(), job.outputs.end(), [&](const auto& o) { return o.name == name; });
  if (taken) name = fmt::format("{}/{}", source.name, RowOf(part).name);
  job.outputs.push_back({std::move(name), part, dtype, ShapeOf(source.shape, part, choice.value_or(WeightChoice{}))});
  return job.outputs.back().name;
}

std::optional<NewWeights::Origin> NewWeights::OriginOf(std::string_view name) const {
  for (const WeightJob& job : jobs_) {
    for (const NewWeight& weight : job.outputs) {
      if (weight.name == name) return Origin{&job, &weight};
    }
  }
  return std::nullopt;
}

const NewWeight* NewWeights::Find(std::string_view name) const {
  const auto origin = OriginOf(name);
  return origin ? origin->weight : nullptr;
}

void NewWeights::Keep(const std::map<std::string, bool, std::less<>>& used) {
  for (WeightJob& job : jobs_) {
    std::erase_if(job.outputs, [&](const NewWeight& weight) { return !used.contains(weight.name); });
  }
  std::erase_if(jobs_, [](const WeightJob& job) { return job.outputs.empty(); });
  by_source_.clear();
  for (size_t i = 0; i < jobs_.size(); ++i) by_source_.emplace(jobs_[i].source, i);
}

}  // namespace vlaq::rewrite
