#include "policy/policy.h"

#include <algorithm>
#include <array>

#include "base/names.h"

namespace vlaq::policy {
namespace {

constexpr std::array kNormalizationModes{
    Named<NormalizationMode>{NormalizationMode::kIdentity, "identity"},
    Named<NormalizationMode>{NormalizationMode::kMeanStd, "mean_std"},
    Named<NormalizationMode>{NormalizationMode::kMinMax, "min_max"},
    Named<NormalizationMode>{NormalizationMode::kScale, "scale"},
};
constexpr std::array kInputTypes{
    Named<InputType>{InputType::kImage, "image"},
    Named<InputType>{InputType::kState, "state"},
    Named<InputType>{InputType::kText, "text"},
    Named<InputType>{InputType::kNoise, "noise"},
};
constexpr std::array kImageLayouts{
    Named<ImageLayout>{ImageLayout::kChw, "chw"},
    Named<ImageLayout>{ImageLayout::kHwc, "hwc"},
};
constexpr std::array kNoiseKinds{
    Named<NoiseKind>{NoiseKind::kNormal, "normal"},
    Named<NoiseKind>{NoiseKind::kUniform, "uniform"},
    Named<NoiseKind>{NoiseKind::kZeros, "zeros"},
};
constexpr std::array kStepKinds{
    Named<StepKind>{StepKind::kRun, "run"},       Named<StepKind>{StepKind::kWindow, "window"},
    Named<StepKind>{StepKind::kHold, "hold"},     Named<StepKind>{StepKind::kCarry, "carry"},
    Named<StepKind>{StepKind::kRepeat, "repeat"}, Named<StepKind>{StepKind::kSelect, "select"},
    Named<StepKind>{StepKind::kConcat, "concat"},
};

template <typename T>
const T* FindNamed(const std::vector<T>& items, std::string_view name) {
  const auto it = std::find_if(items.begin(), items.end(), [&](const T& item) { return item.name == name; });
  return it == items.end() ? nullptr : &*it;
}

}  // namespace

std::string_view Name(NormalizationMode mode) { return NameIn(kNormalizationModes, mode); }
std::string_view Name(InputType type) { return NameIn(kInputTypes, type); }
std::string_view Name(ImageLayout layout) { return NameIn(kImageLayouts, layout); }
std::string_view Name(NoiseKind kind) { return NameIn(kNoiseKinds, kind); }
std::string_view Name(StepKind kind) { return NameIn(kStepKinds, kind); }
std::optional<NormalizationMode> FindNormalizationMode(std::string_view name) {
  return FindIn(kNormalizationModes, name);
}
std::optional<InputType> FindInputType(std::string_view name) { return FindIn(kInputTypes, name); }
std::optional<ImageLayout> FindImageLayout(std::string_view name) { return FindIn(kImageLayouts, name); }
std::optional<NoiseKind> FindNoiseKind(std::string_view name) { return FindIn(kNoiseKinds, name); }
std::optional<StepKind> FindStepKind(std::string_view name) { return FindIn(kStepKinds, name); }
std::vector<std::string> NormalizationModeNames() { return NamesIn(kNormalizationModes); }
std::vector<std::string> InputTypeNames() { return NamesIn(kInputTypes); }
std::vector<std::string> ImageLayoutNames() { return NamesIn(kImageLayouts); }
std::vector<std::string> NoiseKindNames() { return NamesIn(kNoiseKinds); }
std::vector<std::string> StepKindNames() { return NamesIn(kStepKinds); }

std::vector<std::string> ValuesOf(const Input& input) {
  if (input.type != InputType::kText) return {input.name};
  std::vector<std::string> values;
  for (const std::string& key : input.makes) values.push_back(input.name + "." + key);
  return values;
}

const Input* Policy::FindInput(std::string_view name) const { return FindNamed(inputs, name); }
const Output* Policy::FindOutput(std::string_view name) const { return FindNamed(outputs, name); }

const Input* TextInput(const Policy& policy) {
  const auto it = std::ranges::find(policy.inputs, InputType::kText, &Input::type);
  return it == policy.inputs.end() ? nullptr : &*it;
}

}  // namespace vlaq::policy
