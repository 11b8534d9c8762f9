// What can be said of a policy without its graphs: each part by itself, and the flow of values through each schedule.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "policy/policy.h"

namespace vlaq::policy {
namespace {

constexpr int64_t kLongest = 4096;                   // of a window, a chunk or a repetition
constexpr size_t kMaxAxes = 8;                       // of any value
constexpr int64_t kMaxElements = int64_t{1} << 28U;  // of any value
constexpr double kShortestPeriod = 1e-4;             // seconds between two steps: no camera is faster
constexpr double kLongestPeriod = 60;                // nor any control loop slower

// ", did you mean" of a name that is not there.
std::string Guess(const std::string& name, const std::vector<std::string>& known) {
  const std::string nearest = NearestWord(name, known);
  if (!nearest.empty()) return fmt::format("did you mean \"{}\"?", nearest);
  return known.empty() ? "" : fmt::format("known are {}", fmt::join(known, ", "));
}

template <typename Map>
std::vector<std::string> KeysIn(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

class PartsCheck {
 public:
  PartsCheck(const Policy& policy, const std::string& where) : policy_(policy), where_(where) {}

  Status Run() const {
    if (policy_.family.empty()) return Wrong("family is empty");
    VLAQ_RETURN_IF_ERROR(Unique("inputs", NamesOf(policy_.inputs)));
    VLAQ_RETURN_IF_ERROR(Unique("outputs", NamesOf(policy_.outputs)));
    for (const Input& input : policy_.inputs) VLAQ_RETURN_IF_ERROR(CheckInput(input));
    VLAQ_RETURN_IF_ERROR(UniqueValues());
    if (policy_.outputs.empty()) return Wrong("outputs are none: the first is what moves the robot");
    for (const Output& output : policy_.outputs) {
      const std::string path = "outputs." + output.name;
      VLAQ_RETURN_IF_ERROR(CheckNumbers(path, output));
      VLAQ_RETURN_IF_ERROR(CheckNormalization(path + ".unnormalize", output.unnormalize, output));
    }
    VLAQ_RETURN_IF_ERROR(CheckControl());
    VLAQ_RETURN_IF_ERROR(CheckGraphs());
    VLAQ_RETURN_IF_ERROR(Unique("compare", policy_.compare));
    if (!IsObject(policy_.settings)) return Wrong("settings are not a JSON object");
    if (policy_.schedules.empty()) return Wrong("schedules are none");
    if (!policy_.schedules.contains(policy_.default_schedule)) {
      return Wrong(fmt::format("default_schedule is \"{}\", which is no schedule", policy_.default_schedule),
                   Guess(policy_.default_schedule, KeysIn(policy_.schedules)));
    }
    return {};
  }

 private:
  Error Wrong(std::string what, std::string advice = "") const {
    return InputError(where_, std::move(what), std::move(advice));
  }

  template <typename T>
  static std::vector<std::string> NamesOf(const std::vector<T>& items) {
    std::vector<std::string> names;
    for (const T& item : items) names.push_back(item.name);
    return names;
  }
  static bool IsObject(const std::string& text) {
    const auto json = ParseJson(text, "");
    return json.ok() && json->is_object();
  }

  Status Unique(std::string_view path, const std::vector<std::string>& names) const {
    std::set<std::string> seen;
    for (const std::string& name : names) {
      if (name.empty()) return Wrong(fmt::format("{} has an empty name", path));
      if (!seen.insert(name).second) return Wrong(fmt::format("{} has \"{}\" twice", path, name));
    }
    return {};
  }
  // "task" with a key "a" and another input "task.a" are two inputs and one value.
  Status UniqueValues() const {
    std::set<std::string> seen;
    for (const Input& input : policy_.inputs) {
      for (const std::string& value : ValuesOf(input)) {
        if (!seen.insert(value).second) {
          return Wrong(fmt::format("inputs.{} makes the value \"{}\", which another input is", input.name, value));
        }
      }
    }
    return {};
  }

  Status CheckShape(const std::string& path, const Shape& shape, bool open) const {
    int64_t elements = 1;
    if (shape.size() > kMaxAxes)
      return Wrong(fmt::format("{} has {} axes, more than {}", path, shape.size(), kMaxAxes));
    for (const int64_t extent : shape) {
      if (extent == -1 && open) continue;
      if (extent < 1) {
        return Wrong(fmt::format("{} has the extent {}", path, extent),
                     open ? "extents are at least 1, or -1 for any" : "extents are at least 1");
      }
      if (extent > kMaxElements / elements) {
        return Wrong(fmt::format("{} is {}, more than {} elements", path, ShapeText(shape), kMaxElements));
      }
      elements *= extent;
    }
    return {};
  }

  // What inputs and outputs have in common.
  template <typename Feature>
  Status CheckNumbers(const std::string& path, const Feature& feature) const {
    VLAQ_RETURN_IF_ERROR(CheckShape(path + ".shape", feature.shape, true));
    VLAQ_RETURN_IF_ERROR(CheckLength(path + ".names", feature.names.size(), feature.shape));
    VLAQ_RETURN_IF_ERROR(CheckLength(path + ".units", feature.units.size(), feature.shape));
    return Unique(path + ".names", feature.names);
  }
  Status CheckLength(const std::string& path, size_t count, const Shape& shape) const {
    if (count == 0) return {};
    if (shape.empty()) return Wrong(fmt::format("{} has {} values, but there is no axis", path, count));
    if (shape.back() == -1 || static_cast<int64_t>(count) == shape.back()) return {};
    return Wrong(fmt::format("{} has {} values, the last axis {} elements", path, count, shape.back()));
  }

  template <typename Feature>
  Status CheckNormalization(const std::string& path, const Normalization& by, const Feature& feature) const {
    if (by.mode == NormalizationMode::kIdentity) return {};
    if (!IsFloat(feature.dtype)) {
      return Wrong(
          fmt::format("{} is of {} numbers; only floating-point ones are scaled", path, DTypeName(feature.dtype)));
    }
    const bool two = by.mode != NormalizationMode::kScale;
    const bool mean = by.mode == NormalizationMode::kMeanStd;
    const std::string_view a = !two ? "scale" : mean ? "mean" : "min";
    const std::string_view b = mean ? "std" : "max";
    VLAQ_RETURN_IF_ERROR(CheckValues(fmt::format("{}.{}", path, a), by.a, feature.shape));
    if (two) VLAQ_RETURN_IF_ERROR(CheckValues(fmt::format("{}.{}", path, b), by.b, feature.shape));
    if (by.mode == NormalizationMode::kScale && std::count(by.a.begin(), by.a.end(), 0.0) > 0) {
      return Wrong(fmt::format("{}.scale holds 0", path));
    }
    if (mean && std::any_of(by.b.begin(), by.b.end(), [](double x) { return !(x > 0); })) {
      return Wrong(fmt::format("{}.std holds a value that is not above 0", path));
    }
    if (by.mode != NormalizationMode::kMinMax) return {};
    if (by.a.size() != 1 && by.b.size() != 1 && by.a.size() != by.b.size()) {  // where the shape leaves the axis open
      return Wrong(fmt::format("{}: min has {} values, max {}", path, by.a.size(), by.b.size()));
    }
    for (size_t i = 0; i < std::max(by.a.size(), by.b.size()); ++i) {
      const double least = by.a.size() == 1 ? by.a[0] : by.a[i], most = by.b.size() == 1 ? by.b[0] : by.b[i];
      if (!(least < most)) {
        return Wrong(fmt::format("{}: min {} is not below max {} (element {})", path, least, most, i));
      }
    }
    return {};
  }
  // One for all, or one an element.
  Status CheckValues(const std::string& path, const std::vector<double>& values, const Shape& shape) const {
    if (values.empty()) return Wrong(path + " has no values");
    if (!std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); })) {
      return Wrong(path + " holds a value that is not finite");
    }
    if (values.size() == 1) return {};
    return CheckLength(path, values.size(), shape);
  }

  Status CheckInput(const Input& input) const {
    const std::string path = "inputs." + input.name;
    if (input.type != InputType::kState && input.normalize.mode != NormalizationMode::kIdentity) {
      return Wrong(fmt::format("{}.normalize is of state inputs, not of {}", path, Name(input.type)));
    }
    switch (input.type) {
      case InputType::kText:
        return CheckText(path, input);
      case InputType::kImage:
        VLAQ_RETURN_IF_ERROR(CheckNumbers(path, input));
        return CheckImage(path, input);
      case InputType::kState:
        VLAQ_RETURN_IF_ERROR(CheckNumbers(path, input));
        return CheckNormalization(path + ".normalize", input.normalize, input);
      case InputType::kNoise:
        VLAQ_RETURN_IF_ERROR(CheckNumbers(path, input));
        if (!IsFloat(input.dtype))
          return Wrong(fmt::format("{}.dtype is {}; noise is drawn in floating point", path, DTypeName(input.dtype)));
        if (std::count(input.shape.begin(), input.shape.end(), -1) > 0) {
          return Wrong(path + ".shape leaves an extent open: how much noise is to be drawn?");
        }
        return {};
    }
    return {};
  }

  Status CheckText(const std::string& path, const Input& input) const {
    if (input.makes.empty()) return Wrong(path + ".makes is empty: a text input is the values that its encoder makes");
    VLAQ_RETURN_IF_ERROR(Unique(path + ".makes", input.makes));
    if (!input.shape.empty()) return Wrong(path + ".shape: a text has none");
    return IsObject(input.encoder) ? Status() : Status(Wrong(path + ".encoder is not a JSON object"));
  }

  Status CheckImage(const std::string& path, const Input& input) const {
    const bool bytes = input.layout == ImageLayout::kHwc;
    if (input.shape.size() != 3) {
      return Wrong(fmt::format("{}.shape is {}, not [{}]", path, ShapeText(input.shape),
                               bytes ? "height, width, 3" : "3, height, width"));
    }
    const int64_t channels = bytes ? input.shape[2] : input.shape[0];
    if (channels != 3 && channels != -1) return Wrong(fmt::format("{}.shape has {} channels, not 3", path, channels));
    if (bytes && input.dtype != DType::kU8) {
      return Wrong(fmt::format("{}.dtype is {}; the layout hwc takes uint8 as it is", path, DTypeName(input.dtype)));
    }
    const image::PreprocessSpec& spec = input.preprocess;
    const Shape sides{spec.height(), spec.width()};
    for (size_t i = 0; i < 2; ++i) {
      const int64_t extent = input.shape[bytes ? i : i + 1];
      if (sides[i] < 1 || sides[i] > kLongest || (extent != -1 && extent != sides[i])) {
        return Wrong(fmt::format("{}.preprocess makes pictures of {} x {} (height x width), the shape is {}", path,
                                 sides[0], sides[1], ShapeText(input.shape)));
      }
    }
    const image::Statistics& statistics = image::StatisticsOf(spec);
    for (size_t i = 0; i < 3; ++i) {
      const double deviation = statistics.standard_deviation[i];
      if (!std::isfinite(statistics.mean[i])) return Wrong(path + ".preprocess.mean holds a value that is not finite");
      if (!(deviation > 0 && std::isfinite(deviation))) {
        return Wrong(path + ".preprocess.std holds a value that is not above 0");
      }
    }
    return {};
  }

  Status CheckControl() const {
    const Control& control = policy_.control;
    if (!(control.period_s >= kShortestPeriod && control.period_s <= kLongestPeriod)) {
      return Wrong(fmt::format("control.period_s is {}, not {} to {} seconds", control.period_s, kShortestPeriod,
                               kLongestPeriod));
    }
    if (control.n_action_steps < 1) {
      return Wrong(fmt::format("control.n_action_steps is {}, not at least 1", control.n_action_steps));
    }
    const Shape& shape = policy_.outputs[0].shape;
    const bool is_chunk = shape.size() == 2;
    if (!is_chunk && (control.n_action_steps > 1 || control.temporal_ensemble_coeff)) {
      return Wrong(fmt::format("control plays chunks, but outputs.{}.shape is {}, not [chunk, values]",
                               policy_.outputs[0].name, ShapeText(shape)));
    }
    if (is_chunk && shape[0] != -1 && control.n_action_steps > shape[0]) {
      return Wrong(fmt::format("control.n_action_steps is {}, but a chunk of outputs.{} has {}", control.n_action_steps,
                               policy_.outputs[0].name, shape[0]));
    }
    if (!control.temporal_ensemble_coeff) return {};
    if (!std::isfinite(*control.temporal_ensemble_coeff)) {
      return Wrong("control.temporal_ensemble_coeff is not finite");
    }
    if (control.n_action_steps != 1) {
      return Wrong(
          fmt::format("control.temporal_ensemble_coeff is given, but n_action_steps is {}", control.n_action_steps),
          "temporal ensembling computes a chunk at each step: n_action_steps is 1");
    }
    return {};
  }

  Status CheckGraphs() const {
    if (policy_.graphs.empty()) return Wrong("graphs are none");
    for (const auto& [name, graph] : policy_.graphs) {
      const std::string path = "graphs." + name;
      if (name.empty()) return Wrong("graphs has an empty name");
      if (graph.file.empty()) return Wrong(path + ".file is empty");
      if (graph.outputs.empty()) return Wrong(path + ".outputs are none");
      for (const auto& [bindings, key] : {std::pair(&graph.inputs, "inputs"), std::pair(&graph.outputs, "outputs")}) {
        for (const auto& [port, value] : *bindings) {
          if (port.empty() || value.empty()) return Wrong(fmt::format("{}.{} has an empty name", path, key));
        }
      }
      VLAQ_RETURN_IF_ERROR(Unique(path + ".outputs", ValuesIn(graph.outputs)));
    }
    return {};
  }
  static std::vector<std::string> ValuesIn(const std::map<std::string, std::string>& bindings) {
    std::vector<std::string> values;
    for (const auto& [port, value] : bindings) values.push_back(value);
    return values;
  }

  const Policy& policy_;
  const std::string& where_;
};

// Follows the values of one schedule from step to step.
class FlowCheck {
 public:
  FlowCheck(const Policy& policy, const std::string& where, const std::string& schedule)
      : policy_(policy), where_(where), path_("schedules." + schedule), steps_(policy.schedules.at(schedule)) {
    for (const Input& input : policy.inputs) {
      for (std::string& value : ValuesOf(input)) there_.emplace(std::move(value), "inputs." + input.name);
    }
  }

  Status Run() {
    if (steps_.empty()) return Wrong(path_, "has no steps");
    Collect(steps_, path_);
    VLAQ_RETURN_IF_ERROR(CheckSteps(steps_, path_, Inside::kNothing));
    for (const auto& [path, value] : carried_) {
      if (!there_.contains(value)) return Missing(path, "carries", value, true);
    }
    for (const Output& output : policy_.outputs) {
      const auto it = there_.find(output.name);
      if (it != there_.end() && it->second.starts_with("schedules.")) continue;
      if (it != there_.end())
        return Wrong(path_, fmt::format("does not make the output \"{}\", which is an input", output.name));
      if (made_.contains(output.name)) return Missing(path_, "gives the output", output.name, true);
      return Wrong(path_, fmt::format("does not make the output \"{}\"", output.name),
                   Guess(output.name, KeysIn(made_)));
    }
    return {};
  }

  const std::set<std::string>& graphs_run() const { return graphs_run_; }
  const std::set<std::string>& read() const { return read_; }

 private:
  // State between control steps cannot stand where steps are left out or run several times.
  enum class Inside { kNothing, kHold, kRepeat };

  Error Wrong(const std::string& path, std::string_view what, std::string advice = "") const {
    return InputError(where_, fmt::format("{} {}", path, what), std::move(advice));
  }

  // Where each value is made, in any scope, for messages.
  void Collect(const std::vector<Step>& steps, const std::string& path) {  // NOLINT(misc-no-recursion)
    for (size_t i = 0; i < steps.size(); ++i) {
      const Step& step = steps[i];
      const std::string here = fmt::format("{}[{}]", path, i);
      if (!step.as.empty()) made_.emplace(step.as, here);
      if (const auto graph = policy_.graphs.find(step.graph);
          step.kind == StepKind::kRun && graph != policy_.graphs.end()) {
        for (const auto& [port, value] : graph->second.outputs) made_.emplace(value, here);
      }
      for (const CarriedValue& value : step.carry) made_.emplace(value.as, here);
      for (const ConstantTable& table : step.constants) made_.emplace(table.as, here);
      Collect(step.steps, StepsPath(step, here));
    }
  }
  static std::string StepsPath(const Step& step, const std::string& path) {
    return path + (step.kind == StepKind::kHold ? ".hold" : ".steps");
  }

  Status Missing(const std::string& path, std::string_view verb, const std::string& value, bool at_end) const {
    if (const auto it = made_.find(value); it != made_.end()) {
      return Wrong(
          path,
          fmt::format("{} \"{}\", which {}", verb, value,
                      at_end || ended_.contains(value)
                          ? fmt::format("{} makes inside a repeat, and which ends with it", it->second)
                          : fmt::format("only {} makes", it->second)),
          at_end || ended_.contains(value) ? "a repeat hands on what it carries" : "a value is read after it is made");
    }
    std::set<std::string> known;
    for (const auto& [name, place] : there_) known.insert(name);
    for (const auto& [name, place] : made_) known.insert(name);
    const std::string nearest = NearestWord(value, {known.begin(), known.end()});
    return Wrong(path, fmt::format("{} \"{}\", which no input is and no step makes", verb, value),
                 nearest.empty() ? "" : fmt::format("did you mean \"{}\"?", nearest));
  }
  Status Need(const std::string& path, const std::string& value) {
    read_.insert(value);
    return there_.contains(value) ? Status() : Missing(path, "reads", value, false);
  }
  Status Make(const std::string& path, const std::string& value) {
    if (value.empty()) return Wrong(path, "makes a value without a name");
    const auto [it, fresh] = there_.emplace(value, path);
    if (fresh && !ended_.contains(value)) return {};
    return Wrong(path,
                 fmt::format("makes \"{}\", which is there already ({})", value, fresh ? made_.at(value) : it->second),
                 "each value has a name of its own");
  }

  Status CheckSteps(const std::vector<Step>& steps, const std::string& path,
                    Inside inside) {  // NOLINT(misc-no-recursion)
    for (size_t i = 0; i < steps.size(); ++i) {
      VLAQ_RETURN_IF_ERROR(CheckStep(steps[i], fmt::format("{}[{}]", path, i), inside));
    }
    return {};
  }

  Status CheckStep(const Step& step, const std::string& path, Inside inside) {  // NOLINT(misc-no-recursion)
    const bool kept = step.kind == StepKind::kWindow || step.kind == StepKind::kCarry || step.kind == StepKind::kHold;
    if (kept && inside != Inside::kNothing) {
      return Wrong(path,
                   fmt::format("is a {} inside a {}: it would not see every control step", Name(step.kind),
                               inside == Inside::kHold ? "hold" : "repeat"),
                   "put it before");
    }
    switch (step.kind) {
      case StepKind::kRun:
        return CheckRun(step, path);
      case StepKind::kWindow:
        VLAQ_RETURN_IF_ERROR(Need(path, step.value));
        VLAQ_RETURN_IF_ERROR(CheckCount(path + ".length", step.length));
        return Make(path, step.as);
      case StepKind::kCarry:
        carried_.emplace_back(path, step.value);
        read_.insert(step.value);
        VLAQ_RETURN_IF_ERROR(CheckExtents(path + ".shape", step.shape));
        return Make(path, step.as);
      case StepKind::kHold:
        return CheckHold(step, path);
      case StepKind::kRepeat:
        return CheckRepeat(step, path);
      case StepKind::kSelect:
        VLAQ_RETURN_IF_ERROR(Need(path, step.value));
        VLAQ_RETURN_IF_ERROR(CheckAxis(path + ".axis", step.axis));
        return Make(path, step.as);
      case StepKind::kConcat:
        if (step.values.size() < 2) return Wrong(path + ".concat", "names fewer than two values");
        for (const std::string& value : step.values) VLAQ_RETURN_IF_ERROR(Need(path, value));
        VLAQ_RETURN_IF_ERROR(CheckAxis(path + ".axis", step.axis));
        return Make(path, step.as);
    }
    return {};
  }

  Status CheckRun(const Step& step, const std::string& path) {
    const auto graph = policy_.graphs.find(step.graph);
    if (graph == policy_.graphs.end()) {
      return Wrong(path, fmt::format("runs \"{}\", which is no graph", step.graph),
                   Guess(step.graph, KeysIn(policy_.graphs)));
    }
    graphs_run_.insert(step.graph);
    const std::string run = fmt::format("{}: graph {}", path, step.graph);
    for (const auto& [port, value] : graph->second.inputs) VLAQ_RETURN_IF_ERROR(Need(run, value));
    for (const auto& [port, value] : graph->second.outputs) VLAQ_RETURN_IF_ERROR(Make(path, value));
    return {};
  }

  Status CheckHold(const Step& step, const std::string& path) {  // NOLINT(misc-no-recursion)
    if (step.when.empty()) return Wrong(path + ".when", "names no value: when should the steps run?");
    for (const std::string& value : step.when) VLAQ_RETURN_IF_ERROR(Need(path + ".when", value));
    if (step.steps.empty()) return Wrong(path + ".hold", "has no steps");
    return CheckSteps(step.steps, StepsPath(step, path), Inside::kHold);
  }

  // What the steps make ends with the repetition; what is carried stays.
  Status CheckRepeat(const Step& step, const std::string& path) {  // NOLINT(misc-no-recursion)
    VLAQ_RETURN_IF_ERROR(CheckCount(path + ".repeat", step.times));
    if (step.steps.empty()) return Wrong(path + ".steps", "are none");
    for (const CarriedValue& value : step.carry) VLAQ_RETURN_IF_ERROR(Need(path + ".carry", value.from));
    for (const CarriedValue& value : step.carry) VLAQ_RETURN_IF_ERROR(Make(path, value.as));
    const auto with_carried = there_;
    for (const ConstantTable& table : step.constants) {
      const std::string name = fmt::format("{}.constants \"{}\"", path, table.as);
      VLAQ_RETURN_IF_ERROR(Make(path, table.as));
      VLAQ_RETURN_IF_ERROR(CheckExtents(name, table.shape));
      if (static_cast<int64_t>(table.values.size()) != step.times) {
        return Wrong(name, fmt::format("has {} values for {} rounds", table.values.size(), step.times));
      }
      if (!std::all_of(table.values.begin(), table.values.end(), [](double x) { return std::isfinite(x); })) {
        return Wrong(name, "holds a value that is not finite");
      }
    }
    const auto before_steps = there_;
    VLAQ_RETURN_IF_ERROR(CheckSteps(step.steps, StepsPath(step, path), Inside::kRepeat));
    for (const CarriedValue& value : step.carry) {
      read_.insert(value.next);
      if (!there_.contains(value.next)) return Missing(path + ".carry", "reads", value.next, false);
      if (before_steps.contains(value.next)) {
        return Wrong(path + ".carry", fmt::format("goes on with \"{}\", which no step inside makes", value.next));
      }
    }
    for (const auto& [name, place] : there_) {
      if (!with_carried.contains(name)) ended_.insert(name);
    }
    there_ = with_carried;
    return {};
  }

  Status CheckCount(const std::string& path, int64_t count) const {
    if (count >= 1 && count <= kLongest) return {};
    return Wrong(path, fmt::format("is {}, not 1 to {}", count, kLongest));
  }
  Status CheckAxis(const std::string& path, int64_t axis) const {
    if (axis >= 0 && axis < static_cast<int64_t>(kMaxAxes)) return {};
    return Wrong(path, fmt::format("is {}, not 0 to {}", axis, kMaxAxes - 1));
  }
  // Every extent is known: something is filled with numbers.
  Status CheckExtents(const std::string& path, const Shape& shape) const {
    const auto count = ElementCount(shape);
    if (shape.size() <= kMaxAxes && count && *count >= 1 && *count <= kMaxElements) return {};
    return Wrong(path, fmt::format("is {}, which cannot be filled", ShapeText(shape)), "extents are at least 1");
  }

  const Policy& policy_;
  const std::string& where_;
  std::string path_;
  const std::vector<Step>& steps_;
  std::map<std::string, std::string> there_;                  // value -> the place that made it
  std::map<std::string, std::string> made_;                   // all that any step makes -> the first place
  std::set<std::string> ended_;                               // made inside a repetition that is over
  std::vector<std::pair<std::string, std::string>> carried_;  // places and values of kCarry
  std::set<std::string> graphs_run_, read_;
};

}  // namespace

Status Validate(const Policy& policy, const std::string& where) {
  VLAQ_RETURN_IF_ERROR(PartsCheck(policy, where).Run());
  std::set<std::string> run, read;
  for (const auto& [name, steps] : policy.schedules) {
    if (name.empty()) return InputError(where, "schedules has an empty name");
    FlowCheck flow(policy, where, name);
    VLAQ_RETURN_IF_ERROR(flow.Run());
    run.insert(flow.graphs_run().begin(), flow.graphs_run().end());
    read.insert(flow.read().begin(), flow.read().end());
  }
  for (const auto& [name, graph] : policy.graphs) {
    if (!run.contains(name)) return InputError(where, fmt::format("graphs.{} is run by no schedule", name));
  }
  for (const Input& input : policy.inputs) {
    const std::vector<std::string> values = ValuesOf(input);
    if (std::none_of(values.begin(), values.end(), [&](const std::string& value) { return read.contains(value); })) {
      return InputError(where, fmt::format("inputs.{} is read by no schedule", input.name));
    }
  }
  return {};
}

}  // namespace vlaq::policy
