#include "verify/precision_bounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "target/precision.h"
#include "tensor/difference.h"

namespace vlaq::verify {
namespace {

using numerics::Granularity;
using numerics::NumericType;
using numerics::WeightChoice;

// A tensor of which more than this became 0, each value within its rounding, is not that tensor any more.
constexpr double kMaxLost = 0.5;
constexpr double kSlack = 1.001;  // scales are float32

constexpr std::array kWeights = {
    WeightBounds{NumericType::kInt8, 127, 0.5, 0.02},
    WeightBounds{NumericType::kInt4, 7, 0.5, 0.02},
};

// Two to three times what was measured on the trained policy (models/mini_mobile_vla, 225 recorded frames, every
// target), less for int4, whose largest difference is a tenth of all that an action can be: more has to be asked for.
constexpr std::array kStages = {
    StageBounds{"fp32", 2e-5, 1e-5, 0, "the same numbers; only the order of sums may differ"},
    StageBounds{"bf16-as-stored", 2e-5, 1e-5, 0, "the same numbers: bfloat16 is widened exactly"},
    StageBounds{"fp16", 2e-2, 1e-2, 0, "11 bits: 5e-4 relative a product, averaged over a hundred of them and more"},
    StageBounds{"int8", 0.15, 0.12, 0.02,
                "7 bits and a sign: 1 % of noise a product through a stack of layers; measured 0.056, 0.049 and 0.006"},
    StageBounds{"int4", 0.6, 0.35, 0.06,
                "3 bits and a sign in blocks: 10 % of noise a weight; measured 0.26, 0.27 and 0.032"},
    StageBounds{"mixed", 0.15, 0.12, 0.02, "as int8: the plan keeps in float what int8 would hurt"},
};

constexpr std::string_view kSmallReality =
    "2 % of the work are within the noise of a time; below half of what the plan does not leave in float by a rule, "
    "the "
    "name is wrong";
constexpr std::array kRealities = {
    RealityBounds{"fp32", 0.98, 0, "what says float32 computes in it"},
    RealityBounds{"bf16-as-stored", 0.98, 0, "what is stored in bfloat16 computes in float32"},
    RealityBounds{"fp16", 0.98, 0.5, kSmallReality},
    RealityBounds{"int8", 0.98, 0.5, kSmallReality},
    RealityBounds{"int4", 0.98, 0.5, kSmallReality},
    RealityBounds{"mixed", 0.98, 0, "the plan says what is small, and that must be true"},
};

template <typename Row, size_t n>
Result<const Row*> RowFor(const std::array<Row, n>& rows, std::string_view precision) {
  const auto* found = std::ranges::find(rows, precision, &Row::precision);
  if (found != rows.end()) return found;
  VLAQ_RETURN_IF_ERROR(target::CheckPrecision(precision, "bundle"));
  return InternalError("verification", fmt::format("there are no limits for precision '{}'", precision));
}

// The elements that share each scale, as the plan says.
class Groups {
 public:
  Groups(const Shape& shape, const WeightChoice& choice) {
    if (choice.granularity == Granularity::kTensor) return;
    const auto axis = static_cast<size_t>(choice.axis);
    extent_ = static_cast<size_t>(shape[axis]);
    for (size_t d = axis + 1; d < shape.size(); ++d) inner_ *= static_cast<size_t>(shape[d]);
    size_t outer = 1;
    for (size_t d = 0; d < axis; ++d) outer *= static_cast<size_t>(shape[d]);
    count_ = extent_;
    if (choice.granularity != Granularity::kBlock) return;
    block_ = static_cast<size_t>(choice.block);
    blocks_ = (extent_ + block_ - 1) / block_;
    count_ = outer * blocks_ * inner_;
  }
  size_t count() const { return count_; }
  size_t Of(size_t i) const {
    if (extent_ == 0) return 0;
    const size_t along = i / inner_ % extent_;
    if (block_ == 0) return along;
    return (i / inner_ / extent_ * blocks_ + along / block_) * inner_ + i % inner_;
  }

 private:
  size_t extent_ = 0, inner_ = 1, block_ = 0, blocks_ = 0, count_ = 1;
};

bool Fits(const Shape& shape, const WeightChoice& choice) {
  if (choice.granularity == Granularity::kTensor) return true;
  return choice.axis >= 0 && choice.axis < static_cast<int64_t>(shape.size()) &&
         (choice.granularity != Granularity::kBlock || choice.block > 0);
}

double Decibels(const Tensor& expected, const Tensor& actual) {
  Difference difference;
  difference.Add(expected.data<float>(), actual.data<float>());
  return difference.signal_to_noise_db();
}

struct Sums {
  double most = 0, squares = 0;
  int64_t count = 0;
};

void JudgeGroups(const std::vector<Sums>& groups, const WeightBounds& bounds, const WeightChoice& choice,
                 WeightError& error) {
  double squares = 0;  // of errors in steps
  int64_t counted = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    const Sums& sums = groups[g];
    if (sums.count == 0) continue;
    const double step = sums.most / bounds.levels;
    const double mean_square = sums.squares / static_cast<double>(sums.count);
    const double nothing = mean_square == 0 ? 0 : std::numeric_limits<double>::infinity();
    const double steps = sums.most == 0 ? nothing : std::sqrt(mean_square) / step;
    if (!(steps <= error.worst)) {
      error.worst = steps;
      error.worst_group = static_cast<int64_t>(g);
    }
    if (sums.most == 0 || sums.count < 16) continue;  // of few weights, the largest is kept exactly
    squares += steps * steps * static_cast<double>(sums.count);
    counted += sums.count;
  }
  if (!(error.worst <= bounds.most_error * kSlack)) {
    error.problem =
        fmt::format("{} {} is off by {:.2f} steps of {} in the mean square, not at most {}",
                    choice.granularity == Granularity::kTensor ? "tensor" : GranularityName(choice.granularity),
                    error.worst_group, error.worst, NumericTypeName(choice.number), bounds.most_error);
  } else if (counted >= 256 && std::sqrt(squares / static_cast<double>(counted)) < bounds.least_error) {
    error.problem = fmt::format("is better than {} can be: it was not rounded to it", NumericTypeName(choice.number));
  }
}

}  // namespace

std::optional<WeightBounds> BoundsOfWeights(NumericType number) {
  const auto row = std::find_if(kWeights.begin(), kWeights.end(), [&](const auto& r) { return r.number == number; });
  if (row == kWeights.end()) return std::nullopt;
  return *row;
}

WeightError MeasureWeight(const Tensor& expected, const Tensor& actual, const WeightChoice& choice) {
  const auto bounds = BoundsOfWeights(choice.number);
  if (!bounds) return MeasureFloats(expected, actual, choice.number);
  WeightError error;
  if (expected.shape() != actual.shape() || !Fits(expected.shape(), choice)) {
    error.problem =
        fmt::format("has the shape {} instead of {}", ShapeText(actual.shape()), ShapeText(expected.shape()));
    return error;
  }
  const auto from = expected.data<float>();
  const auto to = actual.data<float>();
  const Groups groups(expected.shape(), choice);
  std::vector<Sums> sums(groups.count());
  for (size_t i = 0; i < from.size(); ++i) {
    Sums& s = sums[groups.Of(i)];
    const double difference = static_cast<double>(to[i]) - static_cast<double>(from[i]);
    s.most = std::max(s.most, std::abs(static_cast<double>(from[i])));
    s.squares += difference * difference;
    ++s.count;
  }
  error.signal_to_noise_db = Decibels(expected, actual);
  JudgeGroups(sums, *bounds, choice, error);
  return error;
}

WeightError MeasureFloats(const Tensor& expected, const Tensor& actual, NumericType number, double tolerance) {
  WeightError error;
  if (expected.shape() != actual.shape()) {
    error.problem =
        fmt::format("has the shape {} instead of {}", ShapeText(actual.shape()), ShapeText(expected.shape()));
    return error;
  }
  const auto from = expected.data<float>();
  const auto to = actual.data<float>();
  const bool half = number == NumericType::kFloat16;
  int64_t lost = 0;
  const double relative = (half ? 0x1.02p-11 : 0) + tolerance;
  const double absolute = half ? 0x1p-25 : 0;
  for (size_t i = 0; i < from.size(); ++i) {
    const auto wanted = static_cast<double>(from[i]);
    const double difference = std::abs(static_cast<double>(to[i]) - wanted);
    lost += from[i] != 0 && to[i] == 0 ? 1 : 0;
    if (difference <= relative * std::abs(wanted) + absolute) continue;
    error.worst_group = static_cast<int64_t>(i);
    error.problem = fmt::format("element {} is {} instead of {}", i, to[i], from[i]);
    break;
  }
  if (static_cast<double>(lost) > kMaxLost * static_cast<double>(from.size()) && error.problem.empty()) {
    error.problem = fmt::format("has {} of {} values become 0", lost, from.size());
  }
  error.signal_to_noise_db = Decibels(expected, actual);
  return error;
}

Result<const StageBounds*> BoundsOfStages(std::string_view precision) { return RowFor(kStages, precision); }
Result<const RealityBounds*> BoundsOfReality(std::string_view precision) { return RowFor(kRealities, precision); }

}  // namespace vlaq::verify
