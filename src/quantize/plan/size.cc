#include "quantize/plan/size.h"

#include <fmt/format.h>

#include <map>

namespace vlaq::plan {
namespace {

using bundle::WeightRecord;
using numerics::Form;
using numerics::Granularity;
using numerics::NumericType;
using numerics::WeightChoice;

constexpr uint64_t kScaleBytes = sizeof(float);
constexpr uint64_t kAlignment = 64;  // of each tensor in a weights file

uint64_t Placed(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

uint64_t Elements(const Shape& shape) { return static_cast<uint64_t>(ElementCount(shape).value_or(0)); }

Result<uint64_t> ScalesOf(const WeightChoice& choice, const Shape& shape) {
  if (choice.granularity == Granularity::kTensor) return uint64_t{1};
  if (choice.axis < 0 || choice.axis >= static_cast<int64_t>(shape.size())) {
    return InputError(fmt::format("plan: weight '{}'", choice.name), fmt::format("has no axis {}", choice.axis));
  }
  const auto extent = static_cast<uint64_t>(shape[static_cast<size_t>(choice.axis)]);
  if (choice.granularity == Granularity::kChannel) return extent;
  const auto block = static_cast<uint64_t>(choice.block);
  return Elements(shape) / extent * ((extent + block - 1) / block);
}

// `keeps_float`: integers are made of a float32 constant by the graph itself.
Result<uint64_t> BytesOf(const WeightChoice& choice, const Shape& shape, bool keeps_float) {
  const uint64_t bits = Elements(shape) * static_cast<uint64_t>(BitsOf(choice.number));
  if (choice.number == NumericType::kFloat32 || choice.number == NumericType::kFloat16) return Placed(bits / 8);
  VLAQ_ASSIGN_OR_RETURN(const uint64_t scales, ScalesOf(choice, shape));
  const uint64_t codes = keeps_float ? Elements(shape) * sizeof(float) : (bits + 7) / 8;
  return Placed(codes) + Placed(scales * kScaleBytes);
}

}  // namespace

Result<PlannedSize> SizeOf(const numerics::Plan& plan, const bundle::Bundle& bundle, const target::Target& target) {
  VLAQ_ASSIGN_OR_RETURN(const std::vector<WeightRecord> records, bundle::ReadWeightRecords(bundle));
  std::map<std::string_view, const WeightRecord*> left;  // not counted yet
  std::map<std::string_view, const WeightRecord*> known;
  for (const WeightRecord& record : records) left.emplace(record.name, &record);
  known = left;
  PlannedSize size;
  const auto add = [&](ByteChange& to, uint64_t before, uint64_t after) {
    to.before += before;
    to.after += after;
    size.total.before += before;
    size.total.after += after;
  };
  for (const auto& choice : plan.operators) {
    ByteChange& bytes = size.operators.emplace_back();
    for (const WeightChoice& weight : choice.weights) {
      const auto record = known.find(weight.name);
      if (record == known.end()) {
        return InputError(fmt::format("plan: operator '{}'", choice.node),
                          fmt::format("the bundle has no weight '{}'", weight.name));
      }
      if (left.erase(weight.name) == 0) continue;
      const bool keeps_float = choice.form == Form::kStaticInt8 && target.float_weights_before_quantize;
      VLAQ_ASSIGN_OR_RETURN(const uint64_t after, BytesOf(weight, record->second->shape, keeps_float));
      add(bytes, Placed(record->second->length), after);
    }
  }
  for (const auto& [name, record] : left) {
    const bool half = plan.rest == NumericType::kFloat16 && record->dtype == DType::kF32;
    add(size.rest, Placed(record->length), Placed(half ? record->length / 2 : record->length));
  }
  return size;
}

}  // namespace vlaq::plan
