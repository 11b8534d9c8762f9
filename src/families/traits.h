// What can be said of a family's policies beyond policy.json, as data: how their instructions and actions may be looked
// at. A family without any (families/onnx) is evaluated without. Not aware of: checkpoints, graphs, evaluation.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vlaq::families {

// Kinds of actions, so that two can be compared by what they mean: forward, to the left ...
struct ActionClasses {
  std::vector<std::string> names;  // index = class
  // Class of an action, normalized as the network gives it.
  size_t (*classify)(std::span<const double> action) = nullptr;
};

// How the training of the family computed the MAE that it reports.
struct TrainingMae {
  std::string label;  // "As the original's training computed its MAE (...)"
  size_t axes = 0;    // over the first so many, normalized
};

struct Traits {
  // Words of an instruction that change places when it is turned into its opposite: {"left", "right"}.
  std::vector<std::pair<std::string, std::string>> opposite_phrases;
  std::optional<ActionClasses> action_classes;
  std::optional<TrainingMae> training_mae;
};

// The traits of a family by its name in policy.json; of a family that is not known, none. Valid for ever.
// (all/registry)
const Traits& TraitsOf(std::string_view family);

}  // namespace vlaq::families
