#include "quantize/plan/smoothing.h"

#include <fmt/format.h>

#include <algorithm>

#include "onnx/model_file.h"
#include "quantize/numerics/smooth.h"

namespace vlaq::plan {
namespace {

using numerics::ActivationStatistics;
using numerics::Form;
using numerics::OperatorChoice;
using numerics::Plan;
using numerics::ValueStatistics;

class Smoother {
 public:
  Smoother(const bundle::Bundle& bundle, const ActivationStatistics& statistics, std::optional<double> alpha,
           Plan& plan)
      : statistics_(statistics), alpha_(alpha), plan_(plan), files_(bundle.path) {}

  Status ReadGraph(const std::filesystem::path& path) {
    VLAQ_ASSIGN_OR_RETURN(onnx::Model model, onnx::ReadModel(path));
    graphs_.push_back(std::move(model.graph));
    return {};
  }

  Status Take(const std::string& value, const std::vector<std::string>& nodes) {
    std::vector<OperatorChoice*> readers;
    for (const std::string& node : nodes) {
      const auto found = std::find_if(plan_.operators.begin(), plan_.operators.end(),
                                      [&](const OperatorChoice& choice) { return choice.node == node; });
      if (found == plan_.operators.end()) return {};
      if (found->form != Form::kStaticInt8 && found->form != Form::kDynamicInt8) return {};
      readers.push_back(&*found);
    }
    VLAQ_ASSIGN_OR_RETURN(const Reading reading, Read(value, readers));
    VLAQ_ASSIGN_OR_RETURN(const std::optional<double> alpha, AlphaFor(reading));
    if (!alpha) return {};
    std::vector<float> factors = numerics::SmoothingFactors(reading.seen->channel_absmax, reading.rows, *alpha);
    const double most = LargestSmoothed(reading.seen->channel_absmax, factors);
    for (OperatorChoice* reader : readers) {
      if (!reader->activation || !reader->activation->range) continue;
      reader->activation->range = numerics::ClipRange{-most, most};
      reader->activation->method = numerics::RangeMethod::kMinMax;
    }
    plan_.smooth.push_back({value, nodes, *alpha, std::move(factors)});
    return {};
  }

 private:
  Result<const onnx::Initializer*> Find(const std::string& weight) const {
    for (const onnx::Graph& graph : graphs_) {
      if (const onnx::Initializer* found = graph.FindInitializer(weight)) return found;
    }
    return InternalError("smoothing", fmt::format("no graph holds weight '{}'", weight));
  }

  // A value and the weights that read it.
  struct Reading {
    const ValueStatistics* seen = nullptr;
    std::vector<Tensor> weights;
    std::vector<float> rows;  // max|W_j| over all of them
  };
  Result<Reading> Read(const std::string& value, const std::vector<OperatorChoice*>& readers) {
    Reading reading;
    reading.seen = statistics_.Find(value);
    if (reading.seen == nullptr || reading.seen->channel_absmax.empty()) {
      return InputError(fmt::format("statistics: value '{}'", value), "has no statistics by channel",
                        "calibrate this bundle again");
    }
    for (const OperatorChoice* reader : readers) {
      VLAQ_ASSIGN_OR_RETURN(const onnx::Initializer* weight, Find(reader->weights.at(0).name));
      VLAQ_ASSIGN_OR_RETURN(reading.weights.emplace_back(), files_.Load(*weight));
    }
    VLAQ_ASSIGN_OR_RETURN(reading.rows, numerics::WeightRowAbsmax(reading.weights));
    if (reading.rows.size() == reading.seen->channel_absmax.size()) return reading;
    return InputError(fmt::format("statistics: value '{}'", value),
                      fmt::format("has {} channels, the weights that read it {} rows",
                                  reading.seen->channel_absmax.size(), reading.rows.size()));
  }

  Result<std::optional<double>> AlphaFor(const Reading& reading) const {
    if (alpha_) return alpha_;
    const numerics::SmoothedActivation activation{reading.seen->channel_absmax, reading.seen->rms()};
    VLAQ_ASSIGN_OR_RETURN(const numerics::AlphaChoice best, numerics::BestAlpha(activation, reading.weights));
    if (best.error.total() < best.before.total()) return std::optional<double>(best.alpha);
    return std::optional<double>();
  }

  static double LargestSmoothed(const std::vector<float>& absmax, const std::vector<float>& factors) {
    double most = 0;
    for (size_t j = 0; j < factors.size(); ++j) {
      most = std::max(most, static_cast<double>(absmax[j]) / static_cast<double>(factors[j]));
    }
    return most;
  }

  const ActivationStatistics& statistics_;
  std::optional<double> alpha_;
  Plan& plan_;
  onnx::WeightFiles files_;
  std::vector<onnx::Graph> graphs_;
};

}  // namespace

Status AddSmoothing(const bundle::Bundle& bundle, const PolicyOperators& operators,
                    const ActivationStatistics& statistics, std::optional<double> alpha, Plan& plan) {
  Smoother smoother(bundle, statistics, alpha, plan);
  for (const auto& [name, file] : bundle.graphs) VLAQ_RETURN_IF_ERROR(smoother.ReadGraph(bundle.path / file.file));
  for (const auto& [value, nodes] : operators.smoothable) VLAQ_RETURN_IF_ERROR(smoother.Take(value, nodes));
  return {};
}

}  // namespace vlaq::plan
