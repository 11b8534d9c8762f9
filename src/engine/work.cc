#include "engine/work.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include "base/text.h"
#include "onnx/model_file.h"
#include "onnx/shapes.h"
#include "policy/value_shapes.h"
#include "quantize/numerics/plan_file.h"

namespace vlaq::engine {
namespace {

namespace fs = std::filesystem;
using numerics::Form;
using numerics::OperatorChoice;

// Below it an engine is not what was asked for. Some products of a few rows are faster in a wider type, and TensorRT
// may choose that; a tenth of the work leaves it room.
constexpr double kMinAsPlanned = 0.9 - 1e-9;
constexpr size_t kNamed = 3;

class Profiler {
 public:
  Profiler(const bundle::Bundle& bundle, const TextExtents& text)
      : bundle_(bundle), text_(text), shapes_(bundle.policy) {
    for (const auto& [value, extent] : text) {
      Shape shape = extent.opt;
      shape.insert(shape.begin(), 1);
      shapes_.Tell(value, std::move(shape));
    }
  }

  Result<std::vector<InputProfile>> Of(std::string_view graph) {
    VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(bundle_.GraphPath(graph)));
    const policy::Graph& bound = bundle_.policy.graphs.find(graph)->second;
    std::vector<InputProfile> profiles;
    for (const onnx::ValueInfo& input : model.graph.inputs) {
      const auto value = bound.inputs.find(input.name);
      if (value == bound.inputs.end()) return NotKnown(graph, input.name, "nothing is bound to it");
      if (IsOpen(input, value->second)) LearnAllBut(graph);
      VLAQ_ASSIGN_OR_RETURN(InputProfile profile, ProfileOf(graph, input, value->second));
      profiles.push_back(std::move(profile));
    }
    return profiles;
  }

 private:
  Error NotKnown(std::string_view graph, const std::string& input, std::string why) const {
    return InputError(fmt::format("{}: input '{}'", bundle_.GraphPath(graph).string(), input), std::move(why));
  }

  // -1 where nothing is known.
  int64_t UsualOf(const std::string& value, size_t axis) const {
    const Shape* shape = shapes_.Find(value);
    return shape == nullptr || axis >= shape->size() ? -1 : (*shape)[axis];
  }

  bool IsOpen(const onnx::ValueInfo& input, const std::string& value) const {
    for (size_t i = 0; i < input.dims.size(); ++i) {
      if (input.dims[i].value < 0 && !shapes_.IsBatch(value, i) && UsualOf(value, i) < 0) return true;
    }
    return false;
  }

  // What other graphs make, one after the other as far as their own inputs are known.
  void LearnAllBut(std::string_view graph) {
    for (bool more = true; more;) {
      more = false;
      for (const auto& [name, bound] : bundle_.policy.graphs) {
        if (name == graph || learned_.contains(name)) continue;
        if (Learn(name, bound)) more = learned_.insert(name).second;
      }
    }
  }

  bool Learn(const std::string& name, const policy::Graph& bound) {
    const fs::path path = bundle_.GraphPath(name);
    const auto model = onnx::ReadModel(path);
    if (!model.ok()) return false;
    onnx::Extents extents;
    for (const auto& [input, value] : bound.inputs) {
      const Shape* shape = shapes_.Find(value);
      if (shape == nullptr) return false;
      for (size_t i = 0; i < shape->size(); ++i) extents[fmt::format("{}:{}", input, i)] = (*shape)[i];
    }
    onnx::WeightFiles files(path.parent_path());
    const auto inferred = onnx::InferShapes(*model, extents, &files);
    if (!inferred.ok()) return false;
    shapes_.Learn(name, [&inferred](const std::string& output) {
      const auto found = inferred->find(output);
      return found == inferred->end() ? nullptr : &found->second.shape;
    });
    return true;
  }

  Result<InputProfile> ProfileOf(std::string_view graph, const onnx::ValueInfo& input, const std::string& value) const {
    InputProfile profile{input.name, {}, {}, {}};
    const auto text = text_.find(value);
    for (size_t i = 0; i < input.dims.size(); ++i) {
      const int64_t fixed = input.dims[i].value;
      int64_t min = fixed, opt = fixed, max = fixed;
      if (fixed < 0 && shapes_.IsBatch(value, i)) {
        min = opt = 1;
        max = kLargestBatch;
      } else if (fixed < 0) {
        min = opt = max = UsualOf(value, i);
        if (opt < 0) {
          return NotKnown(graph, input.name,
                          fmt::format("vlaq does not know how large its extent '{}' becomes", input.dims[i].name));
        }
        // A window grows from one at the start of an episode.
        if (shapes_.Grows(value, i)) min = 1;
        if (text != text_.end()) {
          min = text->second.min[i - 1];
          max = text->second.max[i - 1];
        }
      }
      profile.min.push_back(min);
      profile.opt.push_back(opt);
      profile.max.push_back(max);
    }
    return profile;
  }

  const bundle::Bundle& bundle_;
  const TextExtents& text_;
  policy::ValueShapes shapes_;
  std::set<std::string, std::less<>> learned_;
};

Precision PlannedPrecision(const OperatorChoice& choice) {
  switch (choice.form) {
    case Form::kStaticInt8:
      return Precision::kInt8;
    case Form::kHalf:
      return Precision::kHalf;
    case Form::kFloat:
    case Form::kDynamicInt8:
    case Form::kWeightOnly:
      return Precision::kFloat32;
  }
  return Precision::kFloat32;
}

// Bytes of an element of a weight in an engine that does as planned, and what one step wider adds.
struct Widths {
  double planned, least, most, widening;
};
Widths WidthsOf(const onnx::Initializer& initializer, const numerics::Plan& plan) {
  constexpr double kByte = 1, kHalf = 2, kFloat = 4;
  if (DTypeBits(initializer.dtype) == 4) return {kByte / 2, kByte / 2, kByte / 2, kHalf - kByte / 2};
  if (initializer.dtype == DType::kI8 || initializer.dtype == DType::kU8) return {kByte, kByte, kByte, kHalf - kByte};
  if (initializer.dtype == DType::kF16) return {kHalf, kHalf, kHalf, kFloat - kHalf};
  for (const OperatorChoice& choice : plan.operators) {
    for (const numerics::WeightChoice& weight : choice.weights) {
      if (weight.name != initializer.name || choice.form != Form::kStaticInt8) continue;
      return {kByte, kByte, kByte, kHalf - kByte};
    }
  }
  return {kFloat, kHalf, kFloat, 0};
}

void AddWeights(const onnx::Graph& graph, const numerics::Plan& plan, GraphWork& work) {
  for (const onnx::Initializer& initializer : graph.initializers) {
    const auto elements = static_cast<double>(ElementCount(initializer.shape).value_or(0));
    const Widths widths = WidthsOf(initializer, plan);
    work.planned_bytes += elements * widths.planned;
    work.least_bytes += elements * widths.least;
    work.most_bytes += elements * widths.most;
    work.widening_bytes += elements * widths.widening;
  }
}

// Among the layers that name a node one multiplies; others convert and move its values, fused with neighbors ("kgen" of
// TensorRT 10), and may be of any type.
bool Multiplies(const Layer& layer) {
  constexpr std::array<std::string_view, 5> kWords{"gemm", "conv", "Conv", "Gemm", "MatrixMultiply"};
  return std::ranges::any_of(kWords, [&layer](std::string_view word) {
    return layer.type.find(word) != std::string::npos || layer.tactic.find(word) != std::string::npos;
  });
}
bool Moves(const Layer& layer) {
  constexpr std::array<std::string_view, 5> kTypes{"kgen", "Cast", "Move", "Shuffle", "Concatenation"};
  return std::ranges::find(kTypes, layer.type) != kTypes.end();
}
int Rank(const Layer& layer) { return Multiplies(layer) ? 2 : Moves(layer) ? 0 : 1; }

// The layer that an operator became part of: that which computes it; of several alike the one that says its type, and
// of those the widest.
std::map<std::string, const Layer*, std::less<>> ByNode(const std::vector<Layer>& layers) {
  std::map<std::string, const Layer*, std::less<>> by_node;
  const auto order = [](const Layer& layer) {
    const bool says = layer.precision != Precision::kUnknown;
    return std::tuple(Rank(layer), says, says ? static_cast<int>(layer.precision) : 0);
  };
  for (const Layer& layer : layers) {
    if (layer.reformat) continue;
    for (const std::string& node : layer.nodes) {
      const Layer*& at = by_node[node];
      if (at == nullptr || order(layer) > order(*at)) at = &layer;
    }
  }
  return by_node;
}

void Count(const std::vector<Layer>& layers, PrecisionReport& report) {
  for (const Layer& layer : layers) {
    if (layer.average_ms) report.layers_ms = report.layers_ms.value_or(0) + *layer.average_ms;
    if (layer.reformat && layer.average_ms) report.reformats_ms = report.reformats_ms.value_or(0) + *layer.average_ms;
    if (layer.reformat) {
      ++report.reformats;
    } else {
      ++report.by_precision[static_cast<size_t>(layer.precision)].layers;
    }
  }
  report.layers = layers.size();
}

Error FellBack(const std::string& engine, const PrecisionReport& report, const std::vector<std::string>& first) {
  std::string ran;
  for (const PrecisionCount& count : report.by_precision) {
    if (count.macs_share > 0)
      ran +=
          fmt::format("{}{} {:.1f} %", ran.empty() ? "" : ", ", PrecisionName(count.precision), 100 * count.macs_share);
  }
  return {
      ErrorCode::kVerification,
      fmt::format("the engine fell back: {:.1f} % of the MACs that were planned narrower run so (all: {}); first {}",
                  100 * report.as_planned, ran, fmt::join(first, ", ")),
      engine, "it was not kept; the log's warnings may say why, and vlaq check what this version takes"};
}

Error Invented(const std::string& engine, const PlannedOperator& op) {
  return {ErrorCode::kVerification,
          fmt::format("{} runs in INT8, for which the plan has no scales: TensorRT took some of its own", op.node),
          engine, "it was not kept; name an engine built with vlaq's own options"};
}

// What the size of an engine says whose layers do not say what they compute in. It holds the weights and some more.
Result<PrecisionReport> JudgeBySize(const GraphWork& work, uint64_t engine_bytes, const std::string& engine,
                                    PrecisionReport report) {
  constexpr double kMore = 64e6;  // kernels, their parameters, the plan: at most so much as far as is known
  const auto bytes = static_cast<double>(engine_bytes);
  const auto share = [&work](double wider) { return std::clamp(wider / work.widening_bytes, 0.0, 1.0); };
  const double at_most = share(bytes - work.least_bytes), at_least = share(bytes - work.most_bytes - kMore);
  report.by_size = true;
  report.evidence = fmt::format(
      "{:.1f} % of the MACs are in layers that do not say what they compute in; the engine has {}, the weights as "
      "planned {}, all one step wider {}: ",
      100 * report.unknown, HumanBytes(engine_bytes), HumanBytes(static_cast<uint64_t>(work.planned_bytes)),
      HumanBytes(static_cast<uint64_t>(work.planned_bytes + work.widening_bytes)));
  if (at_most <= 1 - kMinAsPlanned) {
    report.evidence += fmt::format("at most {:.1f} % of them can be wider", 100 * at_most);
    return report;
  }
  if (at_least > 1 - kMinAsPlanned) {
    return Error{ErrorCode::kVerification,
                 fmt::format("the engine fell back, by its size: {}at least {:.1f} % of them are", report.evidence,
                             100 * at_least),
                 engine, "it was not kept; the log's warnings may say why"};
  }
  report.proven = false;
  report.evidence +=
      fmt::format("NOT PROVEN, from {:.1f} to {:.1f} % of them can be wider", 100 * at_least, 100 * at_most);
  return report;
}

}  // namespace

Result<GraphWork> DescribeWork(const bundle::Bundle& bundle, std::string_view graph) {
  if (!bundle.plan) {
    return InputError(bundle.path.string(), "has no plan: it is not quantized, so no precision can be held against it",
                      "vlaq quantize BUNDLE --target tensorrt-8.6 --precision fp16 -o OUT");
  }
  VLAQ_ASSIGN_OR_RETURN(const numerics::Plan plan, numerics::ReadPlan(bundle.path / bundle.plan->file));
  const std::string path = bundle.GraphPath(graph).string();
  VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(path));
  GraphWork work;
  std::set<std::string, std::less<>> nodes;
  for (const onnx::Node& node : model.graph.nodes) nodes.insert(node.name);
  for (const OperatorChoice& choice : plan.operators) {
    if (choice.macs == 0 || !nodes.contains(choice.node)) continue;
    work.operators.push_back({choice.node, choice.group, PlannedPrecision(choice), static_cast<double>(choice.macs)});
  }
  AddWeights(model.graph, plan, work);
  work.quantized = std::ranges::any_of(model.graph.nodes, [](const onnx::Node& node) {
    return node.op_type == "QuantizeLinear" || node.op_type == "DequantizeLinear";
  });
  if (work.operators.empty()) return InputError(path, "has no operator that its plan names");
  return work;
}

Result<std::vector<InputProfile>> ProfilesOf(const bundle::Bundle& bundle, std::string_view graph,
                                             const TextExtents& text) {
  return Profiler(bundle, text).Of(graph);
}

Result<PrecisionReport> JudgePrecision(const GraphWork& work, const std::vector<Layer>& layers, uint64_t engine_bytes,
                                       const std::string& engine) {
  PrecisionReport report;
  constexpr std::array kAll{Precision::kInt8, Precision::kHalf, Precision::kFloat32, Precision::kOther,
                            Precision::kUnknown};
  for (const Precision precision : kAll) report.by_precision.push_back({precision, 0, 0});
  Count(layers, report);
  const auto by_node = ByNode(layers);
  double all = 0, narrow = 0, fallen_back = 0;
  std::vector<std::string> first;
  for (const PlannedOperator& op : work.operators) {
    all += op.macs;
    if (op.planned < Precision::kFloat32) narrow += op.macs;
  }
  for (const PlannedOperator& op : work.operators) {
    const auto found = by_node.find(op.node);
    const Precision ran = found == by_node.end() ? Precision::kUnknown : found->second->precision;
    report.by_precision[static_cast<size_t>(ran)].macs_share += op.macs / all;
    if (ran == Precision::kInt8 && op.planned != Precision::kInt8) return Invented(engine, op);
    if (op.planned == Precision::kFloat32) continue;  // nothing can be wider
    if (ran == Precision::kUnknown) {
      report.unknown += op.macs / narrow;
    } else if (ran <= op.planned) {
      report.as_planned += op.macs / narrow;
    } else {
      fallen_back += op.macs / narrow;
      if (first.size() < kNamed) first.push_back(fmt::format("{} ({})", op.node, PrecisionName(ran)));
    }
  }
  if (narrow == 0) {
    report.as_planned = 1;
    report.evidence = "the plan keeps all products of this graph in float32";
    return report;
  }
  if (fallen_back > 1 - kMinAsPlanned) return FellBack(engine, report, first);
  if (report.as_planned >= kMinAsPlanned) {
    report.evidence =
        fmt::format("{:.1f} % of the MACs that were planned narrower run so, by the layers", 100 * report.as_planned);
    return report;
  }
  return JudgeBySize(work, engine_bytes, engine, std::move(report));
}

}  // namespace vlaq::engine
