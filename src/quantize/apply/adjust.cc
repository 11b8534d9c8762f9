#include "quantize/apply/adjust.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "onnx/graph_index.h"
#include "quantize/numerics/bias.h"
#include "quantize/numerics/encode.h"
#include "quantize/numerics/smooth.h"
#include "quantize/rewrite/graph_names.h"

namespace vlaq::apply {
namespace {

using numerics::ActivationStatistics;
using numerics::OperatorChoice;
using numerics::Plan;
using numerics::SmoothChoice;
using numerics::ValueStatistics;
using rewrite::Sources;

// The graphs of a policy as one, under the names that plans give to nodes and values.
class PolicyIndex {
 public:
  // A node of one of the graphs.
  struct Place {
    std::string_view graph;
    const onnx::Node* node = nullptr;
  };
  using Places = std::map<std::string, Place>;  // by the plan's name of the node

  PolicyIndex(const rewrite::Graphs& graphs, const rewrite::GraphNames& names, const Sources& sources)
      : names_(names), sources_(sources) {
    for (const auto& [name, model] : graphs) indices_.emplace(name, model.graph);
  }

  // The first graph's that makes the value; null if none does.
  const onnx::Node* Producer(const std::string& value) const {
    for (const auto& [graph, index] : indices_) {
      const auto local = LocalName(graph, value);
      const onnx::Node* found = local ? index.Producer(*local) : nullptr;
      if (found != nullptr) return found;
    }
    return nullptr;
  }

  Places Readers(const std::string& value) const {
    Places readers;
    for (const auto& [graph, index] : indices_) {
      const auto local = LocalName(graph, value);
      if (!local) continue;
      for (const onnx::Node* node : index.Readers(*local))
        readers.emplace(names_.Node(graph, node->name), Place{graph, node});
    }
    return readers;
  }

  // What the plan calls a value of the node's graph.
  std::string NameOf(const Place& place, const std::string& value) const {
    return sources_.contains(value) ? value : names_.Value(place.graph, value);
  }

  // Whether another operator reads the weight, too: what is good for one is wrong for the other.
  bool IsShared(const std::string& weight) const { return Readers(weight).size() > 1; }

 private:
  // A stored weight is one in all graphs.
  std::optional<std::string> LocalName(std::string_view graph, const std::string& value) const {
    return sources_.contains(value) ? value : names_.LocalValue(graph, value);
  }

  const rewrite::GraphNames& names_;
  const Sources& sources_;
  std::map<std::string, onnx::GraphIndex, std::less<>> indices_;
};

Result<const ValueStatistics*> ChannelsOf(const ActivationStatistics& statistics, const std::string& value) {
  const ValueStatistics* found = statistics.Find(value);
  if (found != nullptr && !found->channel_absmax.empty()) return found;
  return InputError(fmt::format("statistics: value '{}'", value), "has no statistics by channel",
                    "calibrate again with vlaq calibrate");
}

// The plan's own; of a plan without them those that the statistics give, for weights of these rows.
Result<std::vector<float>> FactorsOf(const SmoothChoice& smooth, const ActivationStatistics* statistics,
                                     const std::vector<float>& rows) {
  std::vector<float> factors = smooth.factors;
  if (factors.empty()) {
    VLAQ_ASSIGN_OR_RETURN(const ValueStatistics* channels, ChannelsOf(*statistics, smooth.value));
    if (channels->channel_absmax.size() == rows.size()) {
      return numerics::SmoothingFactors(channels->channel_absmax, rows, smooth.alpha);
    }
    return InputError("", fmt::format("the statistics have {} channels, the weights {} rows",
                                      channels->channel_absmax.size(), rows.size()));
  }
  if (factors.size() == rows.size()) return factors;
  return InputError("", fmt::format("the plan has {} factors, the weights {} rows", factors.size(), rows.size()));
}

Result<std::vector<float>> MeansOf(const Plan& plan, const ActivationStatistics* statistics, const std::string& value) {
  if (const numerics::ChannelMeans* known = plan.FindMeans(value)) return known->means;
  if (statistics == nullptr) {
    return InputError(fmt::format("plan: value '{}'", value), "has no means to correct biases by",
                      "plan it again, or give the statistics with --stats");
  }
  VLAQ_ASSIGN_OR_RETURN(const ValueStatistics* channels, ChannelsOf(*statistics, value));
  return channels->channel_mean;
}

class Adjuster {
 public:
  Adjuster(const Plan& plan, const ActivationStatistics* statistics, const PolicyIndex& index, const Sources& sources,
           onnx::WeightFiles& files, int threads)
      : plan_(plan), statistics_(statistics), index_(index), sources_(sources), files_(files), threads_(threads) {}

  Result<WeightTransforms> Run() {
    for (const SmoothChoice& smooth : plan_.smooth) {
      if (Status done = Smooth(smooth); !done.ok()) {
        return Within(fmt::format("plan: smoothing of '{}'", smooth.value), done.error());
      }
    }
    if (plan_.bias_correction) {
      for (const OperatorChoice& choice : plan_.operators) VLAQ_RETURN_IF_ERROR(CorrectBias(choice));
    }
    return std::move(adjustments_);
  }

 private:
  Result<const onnx::Initializer*> WeightOf(const onnx::Node& node) const {
    const auto source = node.inputs.size() > 1 ? sources_.find(node.inputs[1]) : sources_.end();
    if (node.op_type == "MatMul" && source != sources_.end()) return source->second;
    return InputError(fmt::format("node '{}'", node.name), "is not a MatMul with a weight");
  }

  // The values are a LayerNormalization's and only the named nodes read them.
  Result<const onnx::Node*> NormalizationOf(const SmoothChoice& smooth) const {
    const onnx::Node* maker = index_.Producer(smooth.value);
    if (maker == nullptr) return InputError("", "no graph of the bundle has such a value");
    if (maker->op_type != "LayerNormalization" || maker->inputs.size() < 3) {
      return InputError(
          "", fmt::format("it is made by {}; only a LayerNormalization can take the factors", maker->op_type));
    }
    for (const auto& [name, place] : index_.Readers(smooth.value)) {
      if (std::find(smooth.nodes.begin(), smooth.nodes.end(), name) == smooth.nodes.end()) {
        return InputError("", fmt::format("'{}' reads it too, and is not in the plan's list", name));
      }
    }
    return maker;
  }

  Status Smooth(const SmoothChoice& smooth) {
    VLAQ_ASSIGN_OR_RETURN(const onnx::Node* norm, NormalizationOf(smooth));
    std::vector<const onnx::Initializer*> weights;
    std::vector<Tensor> values;
    const PolicyIndex::Places readers = index_.Readers(smooth.value);
    for (const std::string& name : smooth.nodes) {
      const auto reader = readers.find(name);
      if (reader == readers.end()) return InputError("", fmt::format("'{}' does not read it", name));
      VLAQ_ASSIGN_OR_RETURN(weights.emplace_back(), WeightOf(*reader->second.node));
      VLAQ_ASSIGN_OR_RETURN(values.emplace_back(), files_.Load(*weights.back()));
    }
    VLAQ_ASSIGN_OR_RETURN(const std::vector<float> rows, numerics::WeightRowAbsmax(values));
    VLAQ_ASSIGN_OR_RETURN(const std::vector<float> factors, FactorsOf(smooth, statistics_, rows));
    std::vector<float> inverse(factors.size());
    std::transform(factors.begin(), factors.end(), inverse.begin(), [](float factor) { return 1 / factor; });
    std::vector<std::string> changed{norm->inputs[1], norm->inputs[2]};
    for (const onnx::Initializer* weight : weights) changed.push_back(weight->name);
    for (const std::string& weight : changed) {
      if (!sources_.contains(weight)) {
        return InputError("", fmt::format("its weight '{}' does not lie in the weights file", weight));
      }
      if (!index_.IsShared(weight)) continue;
      return InputError("", fmt::format("another operator reads its weight '{}', too", weight),
                        "take this line out of the plan's \"smooth\"");
    }
    for (const onnx::Initializer* weight : weights) adjustments_[weight->name].row_factors = factors;
    adjustments_[norm->inputs[1]].row_factors = inverse;
    adjustments_[norm->inputs[2]].row_factors = inverse;
    factors_.emplace(smooth.value, factors);
    return {};
  }

  // The bias that is added to the operator's result, if that is what happens to it.
  const onnx::Initializer* BiasOf(const PolicyIndex::Place& place) const {
    const std::string& result = place.node->outputs[0];
    const PolicyIndex::Places readers = index_.Readers(index_.NameOf(place, result));
    if (readers.size() != 1) return nullptr;
    const onnx::Node& add = *readers.begin()->second.node;
    if (add.op_type != "Add") return nullptr;
    const auto source = sources_.find(add.inputs[0] == result ? add.inputs[1] : add.inputs[0]);
    const bool fits = source != sources_.end() && source->second->shape.size() == 1 && !index_.IsShared(source->first);
    return fits ? source->second : nullptr;
  }

  Status CorrectBias(const OperatorChoice& choice) {
    if (!numerics::CorrectsBias(choice)) return {};
    const PolicyIndex::Places readers = index_.Readers(choice.weights[0].name);
    if (readers.empty()) return {};
    const PolicyIndex::Place& place = readers.begin()->second;
    const onnx::Initializer* bias = BiasOf(place);
    if (bias == nullptr) return {};
    const std::string input = index_.NameOf(place, place.node->inputs[0]);
    VLAQ_ASSIGN_OR_RETURN(std::vector<float> mean, MeansOf(plan_, statistics_, input));
    if (const auto smoothed = factors_.find(input); smoothed != factors_.end()) {
      if (mean.size() != smoothed->second.size()) {
        return InputError(fmt::format("plan: value '{}'", input),
                          fmt::format("has {} means and {} factors", mean.size(), smoothed->second.size()));
      }
      for (size_t i = 0; i < mean.size(); ++i) mean[i] /= smoothed->second[i];
    }
    VLAQ_ASSIGN_OR_RETURN(const Tensor weight,
                          Adjusted(*sources_.find(choice.weights[0].name)->second, adjustments_, files_));
    VLAQ_ASSIGN_OR_RETURN(const auto encoded_weight, numerics::Encode(weight, choice.weights[0], threads_));
    VLAQ_ASSIGN_OR_RETURN(adjustments_[bias->name].added,
                          numerics::BiasCorrection(mean, weight, encoded_weight, choice.weights[0]));
    return {};
  }

  const Plan& plan_;
  const ActivationStatistics* statistics_;  // null: the plan says all that is needed
  const PolicyIndex& index_;
  const Sources& sources_;
  onnx::WeightFiles& files_;
  int threads_;
  std::map<std::string, std::vector<float>> factors_;  // of smoothed values
  WeightTransforms adjustments_;
};

}  // namespace

Result<WeightTransforms> Adjust(const Plan& plan, const ActivationStatistics* statistics, const policy::Policy& policy,
                                const rewrite::Graphs& graphs, const Sources& sources, onnx::WeightFiles& files,
                                int threads) {
  if (plan.smooth.empty() && !plan.bias_correction) return WeightTransforms{};
  const rewrite::GraphNames names(policy, graphs);
  const PolicyIndex index(graphs, names, sources);
  return Adjuster(plan, statistics, index, sources, files, threads).Run();
}

}  // namespace vlaq::apply
