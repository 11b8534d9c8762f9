#include "quantizing/adjust.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "passes/graph_names.h"
#include "quantization/bias.h"
#include "quantization/encode.h"
#include "quantization/smooth.h"

namespace vlaq::quantizing {
namespace {

using passes::Sources;
using quantization::ActivationStatistics;
using quantization::OperatorChoice;
using quantization::Plan;
using quantization::SmoothChoice;
using quantization::ValueStatistics;

// Nodes by what they make and who reads what, over all graphs, under the names that plans give them.
struct Wiring {
  std::map<std::string, const onnx::Node*, std::less<>> maker;
  std::map<std::string, std::map<std::string, const onnx::Node*>, std::less<>> readers;  // value -> node name -> node
  std::map<const onnx::Node*, std::string> inputs, results;  // what the plan calls the first of each

  Wiring(const passes::Graphs& graphs, const passes::GraphNames& names, const Sources& sources) {
    for (const auto& [graph, model] : graphs) {
      const auto value_name = [&, &graph = graph](const std::string& value) {
        return sources.contains(value) ? value : names.Value(graph, value);
      };
      for (const onnx::Node& node : model.graph.nodes) {
        const std::string name = names.Node(graph, node.name);
        for (const std::string& output : node.outputs) maker.emplace(value_name(output), &node);
        for (const std::string& input : node.inputs) readers[value_name(input)].emplace(name, &node);
        for (const std::string& input : passes::Captured(node)) readers[value_name(input)].emplace(name, &node);
        if (!node.inputs.empty()) inputs.emplace(&node, value_name(node.inputs[0]));
        if (!node.outputs.empty()) results.emplace(&node, value_name(node.outputs[0]));
      }
    }
  }

  // Whether another operator reads the weight, too: what is good for one is wrong for the other.
  bool IsShared(const std::string& weight) const {
    const auto found = readers.find(weight);
    return found != readers.end() && found->second.size() > 1;
  }
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
      return quantization::SmoothingFactors(channels->channel_absmax, rows, smooth.alpha);
    }
    return InputError("", fmt::format("the statistics have {} channels, the weights {} rows",
                                      channels->channel_absmax.size(), rows.size()));
  }
  if (factors.size() == rows.size()) return factors;
  return InputError("", fmt::format("the plan has {} factors, the weights {} rows", factors.size(), rows.size()));
}

Result<std::vector<float>> MeansOf(const Plan& plan, const ActivationStatistics* statistics, const std::string& value) {
  if (const quantization::ChannelMeans* known = plan.FindMeans(value)) return known->means;
  if (statistics == nullptr) {
    return InputError(fmt::format("plan: value '{}'", value), "has no means to correct biases by",
                      "plan it again, or give the statistics with --stats");
  }
  VLAQ_ASSIGN_OR_RETURN(const ValueStatistics* channels, ChannelsOf(*statistics, value));
  return channels->channel_mean;
}

class Adjuster {
 public:
  Adjuster(const Plan& plan, const ActivationStatistics* statistics, Wiring wiring, const Sources& sources,
           onnx::WeightFiles& files, int threads)
      : plan_(plan),
        statistics_(statistics),
        wiring_(std::move(wiring)),
        sources_(sources),
        files_(files),
        threads_(threads) {}

  Result<Adjustments> Run() {
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
  Result<const onnx::Node*> NormalisationOf(const SmoothChoice& smooth) const {
    const auto maker = wiring_.maker.find(smooth.value);
    if (maker == wiring_.maker.end()) return InputError("", "no graph of the bundle has such a value");
    if (maker->second->op_type != "LayerNormalization" || maker->second->inputs.size() < 3) {
      return InputError(
          "", fmt::format("it is made by {}; only a LayerNormalization can take the factors", maker->second->op_type));
    }
    for (const auto& [name, node] : wiring_.readers.find(smooth.value)->second) {
      if (std::find(smooth.nodes.begin(), smooth.nodes.end(), name) == smooth.nodes.end()) {
        return InputError("", fmt::format("'{}' reads it too, and is not in the plan's list", name));
      }
    }
    return maker->second;
  }

  Status Smooth(const SmoothChoice& smooth) {
    VLAQ_ASSIGN_OR_RETURN(const onnx::Node* norm, NormalisationOf(smooth));
    std::vector<const onnx::Initializer*> weights;
    std::vector<Tensor> values;
    for (const std::string& name : smooth.nodes) {
      const auto& readers = wiring_.readers.find(smooth.value)->second;
      const auto node = readers.find(name);
      if (node == readers.end()) return InputError("", fmt::format("'{}' does not read it", name));
      VLAQ_ASSIGN_OR_RETURN(weights.emplace_back(), WeightOf(*node->second));
      VLAQ_ASSIGN_OR_RETURN(values.emplace_back(), files_.Load(*weights.back()));
    }
    VLAQ_ASSIGN_OR_RETURN(const std::vector<float> rows, quantization::WeightRowAbsmax(values));
    VLAQ_ASSIGN_OR_RETURN(const std::vector<float> factors, FactorsOf(smooth, statistics_, rows));
    std::vector<float> inverse(factors.size());
    std::transform(factors.begin(), factors.end(), inverse.begin(), [](float factor) { return 1 / factor; });
    std::vector<std::string> changed{norm->inputs[1], norm->inputs[2]};
    for (const onnx::Initializer* weight : weights) changed.push_back(weight->name);
    for (const std::string& weight : changed) {
      if (!sources_.contains(weight)) {
        return InputError("", fmt::format("its weight '{}' does not lie in the weights file", weight));
      }
      if (!wiring_.IsShared(weight)) continue;
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
  const onnx::Initializer* BiasOf(const std::string& result) const {
    const auto readers = wiring_.readers.find(result);
    if (readers == wiring_.readers.end() || readers->second.size() != 1) return nullptr;
    const onnx::Node& add = *readers->second.begin()->second;
    if (add.op_type != "Add") return nullptr;
    const auto source = sources_.find(add.inputs[0] == result ? add.inputs[1] : add.inputs[0]);
    const bool fits = source != sources_.end() && source->second->shape.size() == 1 && !wiring_.IsShared(source->first);
    return fits ? source->second : nullptr;
  }

  Status CorrectBias(const OperatorChoice& choice) {
    if (!quantization::CorrectsBias(choice)) return {};
    const auto reader = wiring_.readers.find(choice.weights[0].name);
    if (reader == wiring_.readers.end()) return {};
    const onnx::Node& node = *reader->second.begin()->second;
    const onnx::Initializer* bias = BiasOf(wiring_.results.at(&node));
    if (bias == nullptr) return {};
    const std::string& input = wiring_.inputs.at(&node);
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
    VLAQ_ASSIGN_OR_RETURN(const auto encoded_weight, quantization::Encode(weight, choice.weights[0], threads_));
    VLAQ_ASSIGN_OR_RETURN(adjustments_[bias->name].added,
                          quantization::BiasCorrection(mean, weight, encoded_weight, choice.weights[0]));
    return {};
  }

  const Plan& plan_;
  const ActivationStatistics* statistics_;  // null: the plan says all that is needed
  Wiring wiring_;
  const Sources& sources_;
  onnx::WeightFiles& files_;
  int threads_;
  std::map<std::string, std::vector<float>> factors_;  // of smoothed values
  Adjustments adjustments_;
};

}  // namespace

Result<Adjustments> Adjust(const Plan& plan, const ActivationStatistics* statistics, const policy::Policy& policy,
                           const passes::Graphs& graphs, const Sources& sources, onnx::WeightFiles& files,
                           int threads) {
  if (plan.smooth.empty() && !plan.bias_correction) return Adjustments{};
  const passes::GraphNames names(policy, graphs);
  return Adjuster(plan, statistics, Wiring(graphs, names, sources), sources, files, threads).Run();
}

}  // namespace vlaq::quantizing
