#include "families/onnx/propose.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "families/onnx/value_kind.h"
#include "onnx/shapes.h"

namespace vlaq::importing {
namespace {

using policy::Input;
using policy::InputType;
using policy::Output;
using policy::Step;
using policy::StepKind;

constexpr std::string_view kSchedule = "default";
constexpr double kPeriodSeconds = 0.1;

bool SameForm(const onnx::ValueInfo& a, const onnx::ValueInfo& b) {
  return a.dtype == b.dtype && a.has_shape && b.has_shape && a.dims == b.dims;
}

bool IsFixed(const onnx::ValueInfo& value) {
  return value.has_shape && std::ranges::all_of(value.dims, [](const onnx::Dim& dim) { return dim.value >= 0; });
}

std::string FormText(const onnx::ValueInfo& value) {
  return fmt::format("{} {}", DTypeName(value.dtype), value.has_shape ? onnx::DimsText(value.dims) : "of any shape");
}

// An input or output of one of the graphs.
struct Port {
  size_t graph = 0;
  const onnx::ValueInfo* info = nullptr;
  std::string value;  // of the policy; empty until it is known

  const std::string& name() const { return info->name; }
};

class Proposer {
 public:
  explicit Proposer(std::span<const Source> sources) : sources_(sources) {}

  Result<Proposal> Run() {
    for (size_t g = 0; g < sources_.size(); ++g) {
      const onnx::Graph& graph = GraphOf(g);
      for (const onnx::ValueInfo& input : graph.inputs) inputs_.push_back({g, &input, ""});
      for (const onnx::ValueInfo& output : graph.outputs) outputs_.push_back({g, &output, ""});
    }
    NameOutputs();
    VLAQ_RETURN_IF_ERROR(ConnectByName());
    ConnectByForm();
    VLAQ_ASSIGN_OR_RETURN(const std::vector<size_t> order, RunOrder());
    Carry();
    batched_ = FindBatchAxis();
    VLAQ_RETURN_IF_ERROR(AddInputs());
    VLAQ_RETURN_IF_ERROR(AddOutputs(order));
    AddGraphs(order);
    AddControl();
    return std::move(proposal_);
  }

 private:
  const onnx::Graph& GraphOf(size_t g) const { return sources_[g].clean.model.graph; }

  void Assume(std::string setting, std::string value, std::string text) {
    proposal_.assumptions.push_back({std::move(setting), std::move(value), std::move(text)});
  }

  // A value bears its output's name, unless that says nothing clear.
  void NameOutputs() {
    std::map<std::string, size_t> counts;
    for (const Port& output : outputs_) ++counts[output.name()];
    for (Port& output : outputs_) {
      const bool is_input =
          std::ranges::any_of(inputs_, [&](const Port& input) { return input.name() == output.name(); });
      const bool feeds_itself_only = is_input && std::ranges::all_of(inputs_, [&](const Port& input) {
                                       return input.name() != output.name() || input.graph == output.graph;
                                     });
      const bool unclear = counts[output.name()] > 1 || feeds_itself_only;
      output.value = unclear ? fmt::format("{}.{}", sources_[output.graph].graph, output.name()) : output.name();
    }
  }

  Status ConnectByName() {
    for (Port& input : inputs_) {
      std::vector<const Port*> makers;
      for (const Port& output : outputs_) {
        if (output.graph != input.graph && output.name() == input.name()) makers.push_back(&output);
      }
      if (makers.empty()) continue;
      const std::string where = fmt::format("{}: input '{}'", GraphFile(sources_[input.graph]), input.name());
      if (makers.size() > 1) {
        return InputError(where,
                          fmt::format("{} and {} both make a value of its name", GraphFile(sources_[makers[0]->graph]),
                                      GraphFile(sources_[makers[1]->graph])),
                          "say with --policy which one it is");
      }
      if (makers[0]->info->dtype != input.info->dtype) {
        return InputError(where, fmt::format("is {}, what {} makes is {}", FormText(*input.info),
                                             GraphFile(sources_[makers[0]->graph]), FormText(*makers[0]->info)));
      }
      Connect(input, *makers[0]);
    }
    return {};
  }

  void Connect(Port& input, const Port& output) {
    input.value = output.value;
    feeds_.emplace_back(output.graph, input.graph);
    read_.insert(output.value);
  }

  // Whether graph `to` reads what `from` makes, directly or through others.
  bool Reaches(size_t from, size_t to) const {
    std::vector<size_t> open = {from};
    std::set<size_t> seen;
    while (!open.empty()) {
      const size_t at = open.back();
      open.pop_back();
      if (at == to) return true;
      if (!seen.insert(at).second) continue;
      for (const auto& [feeder, fed] : feeds_) {
        if (feeder == at) open.push_back(fed);
      }
    }
    return false;
  }

  bool IsUnknown(const Port& input) const {
    return input.value.empty() && GuessMeaning(*input.info, true).meaning == Meaning::kOther;
  }

  void ConnectByForm() {
    if (sources_.size() < 2) return;
    for (Port& input : inputs_) {
      if (!IsUnknown(input)) continue;
      const auto fits = [&](const Port& output) {
        return !Reaches(input.graph, output.graph) && !read_.contains(output.value) && !IsActionName(output.name()) &&
               SameForm(*input.info, *output.info);
      };
      const auto alike = std::ranges::count_if(
          inputs_, [&](const Port& other) { return IsUnknown(other) && SameForm(*input.info, *other.info); });
      if (alike != 1 || std::ranges::count_if(outputs_, fits) != 1) continue;
      const Port& output = *std::ranges::find_if(outputs_, fits);
      Connect(input, output);
      const std::string& graph = sources_[input.graph].graph;
      Assume(fmt::format("graphs.{}.inputs.{}", graph, input.name()), output.value,
             fmt::format("'{}' of {} is '{}' of {}: the only one that is {} too", input.name(),
                         GraphFile(sources_[input.graph]), output.name(), GraphFile(sources_[output.graph]),
                         FormText(*input.info)));
    }
  }

  // Graphs after those that feed them, else as they were given.
  Result<std::vector<size_t>> RunOrder() const {
    std::vector<size_t> order;
    std::vector<bool> done(sources_.size(), false);
    const auto is_ready = [&](size_t g) {
      return std::ranges::all_of(feeds_, [&](const auto& feed) { return feed.second != g || done[feed.first]; });
    };
    while (order.size() < sources_.size()) {
      size_t next = 0;
      while (next < sources_.size() && (done[next] || !is_ready(next))) ++next;
      if (next == sources_.size()) {
        std::vector<std::string> waiting;
        for (size_t g = 0; g < sources_.size(); ++g) {
          if (!done[g]) waiting.push_back(GraphFile(sources_[g]));
        }
        return InputError(fmt::format("{}", fmt::join(waiting, ", ")),
                          "each reads what another makes, so none of them can run first");
      }
      done[next] = true;
      order.push_back(next);
    }
    return order;
  }

  void Carry() {
    for (Port& input : inputs_) {
      if (!input.value.empty() || !IsFixed(*input.info)) continue;
      const auto fits = [&](const Port& output) {
        return output.graph == input.graph && SameForm(*input.info, *output.info) &&
               CarriesByName(input.name(), output.name());
      };
      if (std::ranges::count_if(outputs_, fits) != 1) continue;
      const Port& output = *std::ranges::find_if(outputs_, fits);
      const bool is_only = std::ranges::count_if(inputs_, [&](const Port& other) {
                             return other.graph == input.graph && SameForm(*other.info, *output.info) &&
                                    CarriesByName(other.name(), output.name());
                           }) == 1;
      if (!is_only) continue;
      input.value = ValueOfInput(input);
      read_.insert(output.value);
      Step step;
      step.kind = StepKind::kCarry;
      step.value = output.value;
      step.as = input.value;
      step.dtype = input.info->dtype;
      for (const onnx::Dim& dim : input.info->dims) step.shape.push_back(dim.value);
      steps_.push_back(std::move(step));
      Assume(fmt::format("schedules.{}.carry", kSchedule), input.value,
             fmt::format("'{}' is what '{}' was at the last step, zeros at an episode's start: their names and forms "
                         "say so",
                         input.name(), output.name()));
    }
  }

  // Inputs that two graphs share by name are one value, if they are alike.
  std::string ValueOfInput(const Port& input) const {
    const bool taken = std::ranges::any_of(inputs_,
                                           [&](const Port& other) {
                                             return other.graph != input.graph && other.name() == input.name() &&
                                                    !SameForm(*other.info, *input.info);
                                           }) ||
                       std::ranges::any_of(outputs_, [&](const Port& output) { return output.value == input.name(); });
    return taken ? fmt::format("{}.{}", sources_[input.graph].graph, input.name()) : input.name();
  }

  bool FindBatchAxis() const {
    bool any = false;
    for (const Port& input : inputs_) {
      if (input.info->dims.empty()) continue;
      any = true;
      const int64_t first = input.info->dims[0].value;
      if (first >= 0 && first != 1) return false;
    }
    return any;
  }

  Status AddInputs() {
    std::set<std::string> added;
    for (const Port& port : inputs_) {
      const bool carried = std::ranges::find(steps_, port.value, &Step::as) != steps_.end();
      if (!port.value.empty() || carried) continue;
      if (!port.info->has_shape) {
        return InputError(fmt::format("{}: input '{}'", GraphFile(sources_[port.graph]), port.name()),
                          "says nothing of its axes", "export it with an example input");
      }
    }
    for (Port& port : inputs_) {
      if (!port.value.empty()) continue;
      port.value = ValueOfInput(port);
      if (added.insert(port.value).second) AddInput(port);
    }
    return {};
  }

  void AddInput(const Port& port) {
    const onnx::ValueInfo& info = *port.info;
    Input input;
    input.name = port.value;
    input.dtype = info.dtype;
    input.batched = batched_ && !info.dims.empty();
    for (size_t i = input.batched ? 1 : 0; i < info.dims.size(); ++i) input.shape.push_back(info.dims[i].value);
    const Guess guess = GuessMeaning(info, input.batched);
    Describe(guess, input);
    proposal_.policy.inputs.push_back(std::move(input));
  }

  // What kind of input it is, and what that takes for granted.
  void Describe(const Guess& guess, Input& input) {
    const std::string key = "inputs." + input.name;
    const bool fixed = std::ranges::all_of(input.shape, [](int64_t extent) { return extent >= 0; });
    switch (guess.meaning) {
      case Meaning::kImage:
      case Meaning::kShapedLikeImage:
        return DescribeImage(guess, input);
      case Meaning::kOddImage:
        return Assume(
            key + ".type", "state",
            fmt::format("'{}' is called a picture, but {} {} is none that is made from a camera's frame: it is "
                        "given as numbers",
                        input.name, DTypeName(input.dtype), ShapeText(input.shape)));
      case Meaning::kTokens:
        return Assume(key + ".type", "state",
                      fmt::format("'{}' is given as numbers: no tokenizer is known for it", input.name));
      case Meaning::kNoise:
        if (!fixed) break;
        input.type = InputType::kNoise;
        return Assume(key + ".distribution", "normal",
                      fmt::format("'{}' is drawn from the standard normal distribution at every step", input.name));
      case Meaning::kState:
      case Meaning::kOther:
        break;
    }
    Assume(key + ".normalize", "identity",
           fmt::format("'{}' is given as the graph takes it: nothing says how its numbers are normalized", input.name));
  }

  void DescribeImage(const Guess& guess, Input& input) {
    const std::string key = "inputs." + input.name;
    input.type = InputType::kImage;
    input.layout = guess.layout;
    input.preprocess.resize = image::Filter::kBilinear;
    input.preprocess.normalization = image::Normalization::kNone;
    const size_t rows = guess.layout == policy::ImageLayout::kChw ? 1 : 0;
    if (input.shape[rows] > 0 && input.shape[rows + 1] > 0) {
      const auto side = [&](size_t axis) { return static_cast<int>(std::min<int64_t>(input.shape[axis], 4096)); };
      input.preprocess.image_height = side(rows);
      input.preprocess.image_size = side(rows + 1);
    }
    if (guess.meaning == Meaning::kShapedLikeImage) {
      Assume(key + ".type", "image",
             fmt::format("'{}' is a picture: its shape {} says so, its name does not", input.name,
                         ShapeText(input.shape)));
    }
    const bool bytes = guess.layout == policy::ImageLayout::kHwc;
    Assume(key + ".preprocess", bytes ? "uint8" : "none",
           fmt::format("'{}' takes {}, red first, resized bilinearly: nothing says how its pixels are normalized",
                       input.name, bytes ? "bytes, 0 to 255" : "pixels from 0 to 1"));
  }

  Status AddOutputs(const std::vector<size_t>& order) {
    std::vector<const Port*> left;
    const auto take = [&](auto wanted) {
      for (const Port& output : outputs_) {
        const bool taken = std::ranges::find(left, &output) != left.end();
        if (!taken && !read_.contains(output.value) && wanted(output)) left.push_back(&output);
      }
    };
    take([](const Port& output) { return IsActionName(output.name()); });
    take([&](const Port& output) { return output.graph == order.back(); });
    take([](const Port&) { return true; });
    if (left.empty()) return InputError("", "every output of the graphs is read again: nothing would come out");
    for (const Port* port : left) {
      VLAQ_ASSIGN_OR_RETURN(Output output, MakeOutput(*port));
      proposal_.policy.outputs.push_back(std::move(output));
    }
    const Output& first = proposal_.policy.outputs[0];
    Assume(fmt::format("outputs.{}.unnormalize", first.name), "identity",
           fmt::format("'{}' moves the robot as it comes out: nothing says how its numbers are normalized, nor their "
                       "units",
                       first.name));
    return {};
  }

  Result<Output> MakeOutput(const Port& port) const {
    const onnx::Model& model = sources_[port.graph].clean.model;
    Output output;
    output.name = port.value;
    output.dtype = port.info->dtype;
    Shape shape;
    if (port.info->has_shape) {
      for (const onnx::Dim& dim : port.info->dims) shape.push_back(dim.value);
    } else {
      const onnx::PartialShapes known = onnx::KnownShapes(model, model.graph);
      const auto found = known.find(port.name());
      if (found == known.end()) {
        return InputError(fmt::format("{}: output '{}'", GraphFile(sources_[port.graph]), port.name()),
                          "says nothing of its axes, and they do not follow from the graph",
                          "say its shape with --policy, or export it with shapes");
      }
      shape = found->second;
    }
    output.batched = batched_ && !shape.empty() && (shape[0] == 1 || shape[0] < 0);
    if (output.batched) shape.erase(shape.begin());
    output.shape = std::move(shape);
    return output;
  }

  void AddGraphs(const std::vector<size_t>& order) {
    policy::Policy& policy = proposal_.policy;
    for (size_t g = 0; g < sources_.size(); ++g) policy.graphs[sources_[g].graph].file = GraphFile(sources_[g]);
    for (const Port& input : inputs_) {
      policy.graphs.find(sources_[input.graph].graph)->second.inputs[input.name()] = input.value;
    }
    for (const Port& output : outputs_) {
      policy.graphs.find(sources_[output.graph].graph)->second.outputs[output.name()] = output.value;
    }
    for (const size_t g : order) {
      Step step;
      step.kind = StepKind::kRun;
      step.graph = sources_[g].graph;
      steps_.push_back(std::move(step));
    }
    policy.family = "onnx";
    policy.schedules.emplace(kSchedule, std::move(steps_));
    policy.default_schedule = kSchedule;
    for (const Port& output : outputs_) {
      const bool feeds = std::ranges::any_of(
          inputs_, [&](const Port& input) { return input.value == output.value && input.graph != output.graph; });
      if (feeds) policy.compare.push_back(output.value);
    }
  }

  void AddControl() {
    policy::Control& control = proposal_.policy.control;
    control.period_s = kPeriodSeconds;
    control.n_action_steps = 1;
    Assume("control.period_s", fmt::format("{}", kPeriodSeconds),
           fmt::format("control.period_s is {}: one step every {} s, since nothing says how often", kPeriodSeconds,
                       kPeriodSeconds));
    const Shape& shape = proposal_.policy.outputs[0].shape;
    if (shape.size() < 2) return;
    Assume("control.n_action_steps", "1",
           fmt::format("control.n_action_steps is 1: of the chunk {} the first action is played before the next is "
                       "computed",
                       ShapeText(shape)));
  }

  std::span<const Source> sources_;
  std::vector<Port> inputs_, outputs_;
  std::vector<std::pair<size_t, size_t>> feeds_;  // graph -> graph
  std::set<std::string> read_;                    // values that a graph reads or a carry keeps
  std::vector<Step> steps_;
  bool batched_ = false;
  Proposal proposal_;
};

// Names of one side of a graph against a policy's bindings of it.
Status CheckSide(const std::vector<onnx::ValueInfo>& ports, const std::map<std::string, std::string>& bindings,
                 bool all, const std::string& where) {
  for (const auto& [name, value] : bindings) {
    if (std::ranges::find(ports, name, &onnx::ValueInfo::name) != ports.end()) continue;
    std::vector<std::string> names;
    for (const onnx::ValueInfo& port : ports) names.push_back(port.name);
    return InputError(fmt::format("{}.{}", where, name), "the graph has none of that name",
                      fmt::format("it has {}", fmt::join(names, ", ")));
  }
  for (const onnx::ValueInfo& port : ports) {
    if (all && !bindings.contains(port.name)) return InputError(fmt::format("{}.{}", where, port.name), "is missing");
  }
  return {};
}

}  // namespace

std::string GraphFile(const Source& source) { return source.graph + ".onnx"; }

Result<Proposal> Propose(std::span<const Source> sources) { return Proposer(sources).Run(); }

Status CheckFits(const policy::Policy& policy, std::span<const Source> sources, const std::string& where) {
  std::vector<std::string> names;
  for (const Source& source : sources) names.push_back(source.graph);
  for (const auto& [name, graph] : policy.graphs) {
    const std::string key = fmt::format("graphs.{}", name);
    const auto source = std::ranges::find(sources, name, &Source::graph);
    if (source == sources.end()) {
      return InputError(fmt::format("{}: {}", where, key), "no such file was given",
                        fmt::format("graphs are named by their files: {}", fmt::join(names, ", ")));
    }
    if (graph.file != GraphFile(*source)) {
      return InputError(fmt::format("{}: {}.file", where, key),
                        fmt::format("is '{}', but the graph becomes {}", graph.file, GraphFile(*source)));
    }
    const onnx::Graph& its = source->clean.model.graph;
    Status status = CheckSide(its.inputs, graph.inputs, true, key + ".inputs");
    if (status.ok()) status = CheckSide(its.outputs, graph.outputs, false, key + ".outputs");
    if (!status.ok()) return Within(where, status.error());
  }
  for (const std::string& name : names) {
    if (policy.graphs.contains(name)) continue;
    return InputError(where, fmt::format("says nothing of the graph {}", name), "leave the file out, or bind it");
  }
  return {};
}

}  // namespace vlaq::importing
