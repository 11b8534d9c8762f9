#include "robot/intake.h"

#include <algorithm>
#include <utility>

#include "robot/safety.h"

namespace vlaq::robot {
namespace {

// Stamps that jump back by more than this come from a clock that was set, not from frames that overtook each other.
constexpr int64_t kClockWasSet = kSecond;
// A picture whose brightest and darkest values are this near shows nothing.
constexpr int kBlankSpread = 3;

bool IsBlank(const Tensor& image) {
  const auto values = image.data<uint8_t>();
  if (values.empty()) return true;
  const auto [darkest, brightest] = std::ranges::minmax_element(values);
  return *brightest - *darkest <= kBlankSpread;
}

bool IsFiniteTensor(const Tensor& value) {
  if (value.dtype() == DType::kF32) return AllFinite(value.data<float>());
  if (value.dtype() == DType::kF64) return AllFinite(value.data<double>());
  return true;
}

}  // namespace

Intake::Intake(const Settings& settings) : safety_(settings.safety) {
  for (const SensorSettings& sensor : settings.sensors) sensors_.push_back({.settings = sensor});
}

// Why a value cannot be used; none if it can. What the sensor gave last is remembered either way.
ReasonSet Intake::WrongWith(Sensor& sensor, const Tensor& value, int64_t stamp) const {
  ReasonSet wrong;
  const int64_t before = std::exchange(sensor.stamp, stamp);
  const bool first = !std::exchange(sensor.any, true);
  if (!first && stamp < before - kClockWasSet) {
    wrong |= Reason::kClockStep;
  } else if (!first && stamp <= before) {
    wrong |= Reason::kOutOfOrder;
    sensor.stamp = before;
  }
  if (!sensor.settings.image) return IsFiniteTensor(value) ? wrong : wrong | Reason::kNotFinite;
  const Tensor last = std::exchange(sensor.last, value);
  if (!first && sensor.settings.refuse_frozen && std::ranges::equal(last.bytes(), value.bytes()))
    wrong |= Reason::kFrozen;
  if (sensor.settings.refuse_blank && IsBlank(value)) wrong |= Reason::kBlank;
  if (sensor.settings.refuse_resized && !sensor.shape.empty() && value.shape() != sensor.shape)
    wrong |= Reason::kWrongSize;
  return wrong;
}

void Intake::Take(size_t sensor, const Tensor& value, int64_t stamp, Time now) {
  Sensor& of = sensors_[sensor];
  const ReasonSet wrong = WrongWith(of, value, stamp);
  facts_.noted |= wrong;
  if (!wrong.empty()) return;
  if (of.shape.empty()) of.shape = value.shape();
  of.newest = value;
  ++of.number;
  ++changes_;
  facts_.usable_at[sensor] = now;
}

void Intake::TakeRange(double meters, Time now) {
  facts_.range_m = meters;
  facts_.range_at = now;
  // A farther reading may come before the next tick, and must not hide it.
  if (meters <= safety_.range_stop_m) facts_.noted |= Reason::kRangeStop;
}

void Intake::TakePosition(size_t axis, double position) {
  if (!AllFinite(std::span<const double>(&position, 1))) return;
  facts_.measured[axis] = position;
  facts_.measured_axes |= uint64_t{1} << axis;
}

WorldFacts Intake::TakeFacts() {
  WorldFacts facts = facts_;
  facts.orders = std::exchange(orders_, {});
  facts_.noted = {};
  return facts;
}

std::optional<Sighting> Intake::Newest() const {
  Sighting sighting;
  sighting.task = task_;
  sighting.changes = changes_;
  for (size_t i = 0; i < sensors_.size(); ++i) {
    const Sensor& sensor = sensors_[i];
    if (sensor.number == 0) return std::nullopt;
    sighting.values[sensor.settings.feature] = sensor.newest;
    sighting.numbers.push_back(sensor.number);
    sighting.stamps.push_back(sensor.stamp);
    const Time at = facts_.usable_at[i];
    sighting.oldest = i == 0 ? at : std::min(sighting.oldest, at);
    sighting.newest = std::max(sighting.newest, at);
  }
  return sighting;
}

}  // namespace vlaq::robot
