#include "verify/golden_inputs.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/features.h"
#include "runtime/text_encoder.h"

namespace vlaq::verify {
namespace {

using backend::NamedTensors;
using policy::Input;
using policy::InputType;
using policy::Policy;

// The policy's only camera; null: it has none, or several.
const Input* OnlyCamera(const Policy& policy) {
  const Input* camera = nullptr;
  for (const Input& input : policy.inputs) {
    if (input.type != InputType::kImage) continue;
    if (camera != nullptr) return nullptr;
    camera = &input;
  }
  return camera;
}

// "[T, 3, 224, 224]"
std::string ByStepText(const Input& input) {
  std::string text = "[T";
  for (const int64_t extent : input.shape) text += fmt::format(", {}", extent);
  return text + "]";
}

class Reading {
 public:
  Reading(const bundle::Bundle& bundle, const Golden& golden, const GoldenPlaces& places)
      : policy_(bundle.policy), golden_(golden), places_(places) {}

  Result<GoldenInputs> Run() {
    VLAQ_ASSIGN_OR_RETURN(runtime::FeatureReader features, runtime::FeatureReader::Make(policy_));
    const Input* camera = OnlyCamera(policy_);
    made_.pictures = camera != nullptr && golden_.Has(kGoldenPictures);
    for (const Input& input : policy_.inputs) {
      if (input.type != InputType::kText) VLAQ_RETURN_IF_ERROR(Take(input, made_.pictures && &input == camera));
    }
    std::vector<NamedTensors> steps;
    for (int64_t t = 0; t < steps_; ++t) {
      NamedTensors observation;
      for (const auto& [name, rows] : shown_) observation.emplace(name, rows.Row(t));
      auto values = features.Read(observation);
      if (!values.ok()) return Within(golden_.path().string(), values.error());
      if (made_.preprocessed) VLAQ_RETURN_IF_ERROR(AddPicture(*camera, t, *values));
      steps.push_back(*std::move(values));
    }
    made_.inputs.steps = steps.size();
    made_.inputs.what =
        fmt::format("{} of {}", steps.size() == 1 ? "step" : "steps", golden_.path().filename().string());
    made_.inputs.read = [shared = std::make_shared<const std::vector<NamedTensors>>(std::move(steps))](
                            size_t step) -> Result<NamedTensors> { return (*shared)[step]; };
    return std::move(made_);
  }

 private:
  Status Take(const Input& input, bool has_pictures) {
    Tensor given;
    const std::string name = NameIn(input);
    if (golden_.Has(name)) {
      VLAQ_ASSIGN_OR_RETURN(given, golden_.Load(name));
    }
    if (has_pictures) {
      if (golden_.Has(name)) {
        made_.preprocessed.emplace();
        expected_ = given;
      }
      VLAQ_ASSIGN_OR_RETURN(given, golden_.Load(kGoldenPictures));
    } else {
      if (input.type == InputType::kNoise && !golden_.Has(name)) return {};
      const Shape& shape = given.shape();
      const bool fits =
          given.dtype() == input.dtype && !shape.empty() && HasExtents(std::span(shape).subspan(1), input.shape);
      if (!fits) {
        return InputError(golden_.path().string(),
                          fmt::format("needs {}{} as {} {}", &input == OnlyCamera(policy_) ? "frames.u8, or " : "",
                                      name, DTypeName(input.dtype), ByStepText(input)));
      }
    }
    const int64_t steps = given.shape()[0];
    if (!shown_.empty() && steps != steps_) {
      return InputError(golden_.path().string(),
                        fmt::format("holds {} steps of '{}' and {} of another input", steps, name, steps_));
    }
    steps_ = steps;
    shown_.emplace(input.name, std::move(given));
    return {};
  }

  // The input's own, or that of a graph's port.
  std::string NameIn(const Input& input) const {
    return golden_.Has(input.name) ? input.name : places_.NameOf(input.name);
  }

  Status AddPicture(const Input& camera, int64_t t, const NamedTensors& values) {
    if (t >= expected_.shape()[0]) return {};
    const auto compared = Compare(expected_.Row(t), values.at(camera.name));
    if (!compared.ok()) {
      return Within(fmt::format("{}: '{}'", golden_.path().string(), NameIn(camera)), compared.error());
    }
    made_.preprocessed->Merge(*compared);
    return {};
  }

  const Policy& policy_;
  const Golden& golden_;
  const GoldenPlaces& places_;
  GoldenInputs made_;
  std::map<std::string, Tensor> shown_;  // by input, [T, ...]
  Tensor expected_;                      // of the camera's pictures
  int64_t steps_ = 0;
};

// The values of the file's instruction; nullopt where it has none. Errors: kInput naming the file.
Result<std::optional<NamedTensors>> ReadTask(const Policy& policy, const runtime::TextEncoder& text,
                                             const Golden& golden, const GoldenPlaces& places) {
  const std::string file = golden.path().string();
  const std::vector<std::string> values = policy::ValuesOf(*policy::TextInput(policy));
  NamedTensors given;
  for (const std::string& value : values) {
    const std::string name = golden.Has(value) ? value : places.NameOf(value);
    if (!golden.Has(name)) continue;
    VLAQ_ASSIGN_OR_RETURN(const Tensor row, golden.Load(name));
    if (row.dtype() != DType::kI64 || row.size() != row.shape().back()) {
      return InputError(file, fmt::format("{} are not int64 [1, N]", name));
    }
    given.emplace(value, row.Reshaped({row.size()}));
  }
  const auto first = given.find(values.front());
  if (first == given.end()) return std::optional<NamedTensors>();
  auto task = text.Complete({*first});  // by the family's own rules, which may pad
  if (!task.ok()) {
    return InputError(file, fmt::format("its prompt does not fit the policy: {}", task.error().what));
  }
  NamedTensors made = std::move(task->values);
  if (made.at(first->first).size() != first->second.size()) return std::optional(std::move(made));
  for (const auto& [value, row] : given) {
    if (row.shape() != made.at(value).shape()) {
      return InputError(file, fmt::format("{} does not fit {}", places.NameOf(value), places.NameOf(first->first)));
    }
    made.insert_or_assign(value, row);
  }
  return std::optional(std::move(made));
}

}  // namespace

Result<GoldenInputs> ReadGoldenInputs(const bundle::Bundle& bundle, const Golden& golden, const GoldenPlaces& places) {
  VLAQ_ASSIGN_OR_RETURN(GoldenInputs made, Reading(bundle, golden, places).Run());
  VLAQ_ASSIGN_OR_RETURN(const auto text, runtime::OpenTextEncoder(bundle, {}));
  if (text != nullptr) {
    VLAQ_ASSIGN_OR_RETURN(made.inputs.task, ReadTask(bundle.policy, *text, golden, places));
  }
  return made;
}

}  // namespace vlaq::verify
