#include "verify/weights_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "onnx/model_file.h"
#include "verify/operator_reading.h"
#include "verify/precision_bounds.h"

namespace vlaq::verify {
namespace {

using bundle::Bundle;
using numerics::Form;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::Plan;
using numerics::WeightChoice;
using onnx::Node;

// A mask's stand-in for minus infinity may change with the type: both are 0 behind a softmax.
constexpr float kMasked = -9999;
// Relative; of factors that are quotients of float32 (or float16) numbers.
constexpr double kFactorTolerance = 1e-5, kHalfTolerance = 2e-3;
// Mean of an activation's channel behind a normalization, for the largest correction that a bias can need.
constexpr double kLargestMean = 16;

// Findings of one kind, the first of which is told.
struct Findings {
  size_t looked_at = 0;
  std::vector<std::string> wrong;

  Check AsCheck(int stage, std::string name, const std::string& good) const {
    Check check{stage, std::move(name), wrong.empty(), good, {}};
    if (!wrong.empty()) {
      check.detail = wrong.front();
      if (wrong.size() > 1) check.detail += fmt::format(" (and {} more)", wrong.size() - 1);
    }
    check.figures = {{"looked_at", static_cast<double>(looked_at)}, {"wrong", static_cast<double>(wrong.size())}};
    return check;
  }
};

bool Same(const onnx::AttributeValue& a, const onnx::AttributeValue& b) {
  if (a.index() != b.index()) return false;
  if (const auto* x = std::get_if<Tensor>(&a)) {
    const auto& y = std::get<Tensor>(b);
    return x->dtype() == y.dtype() && x->shape() == y.shape() && std::ranges::equal(x->bytes(), y.bytes());
  }
  return std::visit(
      [&](const auto& x) {
        using Value = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<Value, Tensor>) {
          return false;
        } else {
          return x == std::get<Value>(b);
        }
      },
      a);
}

// Attributes that older opsets do not have, with the value that says what those do anyway.
struct NewerAttribute {
  std::string_view name;
  int64_t usual;
};
constexpr std::array kNewerAttributes{NewerAttribute{"allowzero", 0}, NewerAttribute{"noop_with_empty_axes", 0},
                                      NewerAttribute{"saturate", 1}, NewerAttribute{"start", 0}};

bool SaysNothingNew(const Node& node, const std::string& attribute) {
  if (attribute == "num_outputs") return node.Int(attribute, 0) == static_cast<int64_t>(node.outputs.size());
  if (attribute == "reduction") return node.String(attribute, "") == "none";
  return std::any_of(kNewerAttributes.begin(), kNewerAttributes.end(), [&](const NewerAttribute& known) {
    return known.name == attribute && node.Int(attribute, known.usual + 1) == known.usual;
  });
}

// Newer opsets take the axes of a reduction as its second input.
constexpr size_t kAxesInput = 1;
bool HasAxesAsAttribute(const Node& source, const Node& other) {
  return source.op_type.starts_with("Reduce") && source.inputs.size() > kAxesInput &&
         other.inputs.size() == kAxesInput && other.attributes.contains("axes");
}

// Attributes of the source's node that the other has with another value, and those that it lacks; nothing for nodes of
// unlike operators.
struct Attributes {
  std::string changed;
  std::vector<std::string> missing;
};
Attributes CompareAttributes(const Node& source, const Node& other) {
  Attributes result;
  if (other.op_type != source.op_type && source.op_type != "LSTM") return result;
  size_t accounted = HasAxesAsAttribute(source, other) ? 1 : 0;
  for (const auto& [name, value] : source.attributes) {
    const auto found = other.attributes.find(name);
    if (found == other.attributes.end()) {
      if (!SaysNothingNew(source, name)) result.missing.push_back(name);
      continue;
    }
    ++accounted;
    if (!Same(value, found->second)) result.changed = name;
  }
  const bool more = other.attributes.size() > accounted;
  if (other.op_type == source.op_type && more && result.changed.empty()) result.changed = "of another name";
  return result;
}

const std::string& FirstOutput(const Node& node) {
  return *std::find_if(node.outputs.begin(), node.outputs.end(), [](const auto& output) { return !output.empty(); });
}

class Comparer {
 public:
  // `of_files`: the reference was made of ONNX files, whose operators may be of any kind.
  Comparer(const Bundle& bundle, const Plan& plan, const Bundle& reference, bool of_files, Log& log)
      : bundle_(bundle),
        plan_(plan),
        reference_(reference),
        of_files_(of_files),
        log_(log),
        files_(bundle.path),
        source_files_(reference.path) {
    for (const OperatorChoice& choice : plan.operators) choices_.emplace(choice.node, &choice);
    for (const auto& smooth : plan.smooth) {
      for (const std::string& node : smooth.nodes) smoothed_.emplace(node, smooth.value);
    }
  }

  Status Run() {
    for (const auto& [role, file] : reference_.graphs) {
      VLAQ_ASSIGN_OR_RETURN(const onnx::Model source, onnx::ReadModel(reference_.path / file.file));
      role_ = role;
      const Status compared = CompareGraph(source.graph);
      if (!compared.ok()) operators_.wrong.push_back(fmt::format("{}: {}", role, compared.error().ToString()));
    }
    for (const OperatorChoice& choice : plan_.operators) {
      if (unread_.empty() && !seen_.contains(choice.node)) {
        operators_.wrong.push_back(fmt::format("the plan names '{}', which is no operator of the source", choice.node));
      }
    }
    return {};
  }

  void Tell(Report& report, bool quantized) const {
    report.untestable.insert(report.untestable.end(), unread_.begin(), unread_.end());
    report.checks.push_back(operators_.AsCheck(
        0, "operators",
        fmt::format("{} operators of the source are there, in the plan's forms", operators_.looked_at)));
    report.checks.push_back(accounted_.AsCheck(
        0, "accounted",
        fmt::format("{} stored tensors are made of the source's weights, and no other", accounted_.looked_at)));
    Check weights = weights_.AsCheck(1, quantized ? "quantized weights" : "weights of the source", WeightsText());
    weights.against = Against::kSource;
    weights.figures.emplace_back("worst_error_steps", worst_steps_);
    weights.figures.emplace_back("worst_signal_to_noise_db", worst_db_);
    report.checks.push_back(std::move(weights));
    if (ranges_.looked_at > 0) {
      report.checks.push_back(
          ranges_.AsCheck(1, "ranges", fmt::format("{} activations have the plan's scale", ranges_.looked_at)));
    }
  }

 private:
  std::string WeightsText() const {
    std::string text = fmt::format("{} tensors are the source's within their format", weights_.looked_at);
    if (worst_of_.empty()) return text;
    return text + fmt::format("; worst error {:.2f} steps of 0.5, least signal to noise {:.1f} dB ('{}')", worst_steps_,
                              worst_db_, worst_of_);
  }

  Status CompareGraph(const onnx::Graph& source_graph) {
    const auto file = bundle_.graphs.find(role_);
    if (file == bundle_.graphs.end()) return InputError("", "the bundle has no such graph");
    VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(bundle_.path / file->second.file));
    auto read = GraphReading::Make(source_graph, source_files_);
    if (!read.ok() && of_files_) {  // says nothing of the bundle
      unread_.push_back({0, fmt::format("operators of {}", role_), read.error().ToString(), true});
      return {};
    }
    VLAQ_ASSIGN_OR_RETURN(const GraphReading source, std::move(read));
    VLAQ_ASSIGN_OR_RETURN(const GraphReading made, GraphReading::Make(model.graph, files_));
    source_ = &source;
    made_ = &made;
    used_.clear();
    CompareEnds(source_graph, model.graph);
    FindFactors();
    size_t done = 0;
    for (const Node& node : source_graph.nodes) {
      log_.Progress("operators", ++done, source_graph.nodes.size());
      if (source.IsConstant(FirstOutput(node))) continue;  // a weight of the source being widened
      const Status compared = CompareOperator(node);
      if (!compared.ok()) {
        operators_.wrong.push_back(fmt::format("{}: '{}': {}", role_, node.name, compared.error().ToString()));
      }
    }
    CompareLeftovers(model.graph);
    return {};
  }

  void CompareEnds(const onnx::Graph& source, const onnx::Graph& made) {
    const auto names = [](const std::vector<onnx::ValueInfo>& values) {
      std::vector<std::string> all;
      for (const onnx::ValueInfo& value : values) {
        all.push_back(fmt::format("{} {} {}", value.name, DTypeName(value.dtype), onnx::DimsText(value.dims)));
      }
      return all;
    };
    if (names(source.inputs) == names(made.inputs) && names(source.outputs) == names(made.outputs)) return;
    operators_.wrong.push_back(fmt::format("{}: its inputs or outputs are not the source's", role_));
  }

  // SmoothQuant's factors as the graphs show them: the source's normalization scale over the bundle's, by value.
  void FindFactors() {
    factors_.clear();
    for (const auto& smooth : plan_.smooth) {
      const Node* from = source_->Producer(smooth.value);
      if (from == nullptr) continue;  // in another graph
      const auto factors = FactorsOf(*from, smooth.value);
      if (factors.ok()) {
        factors_.emplace(smooth.value, *factors);
      } else {
        weights_.wrong.push_back(fmt::format("{}: smoothing of '{}': {}", role_, smooth.value, factors.error().what));
      }
    }
  }

  Result<std::vector<double>> FactorsOf(const Node& from, const std::string& value) {
    if (from.op_type != "LayerNormalization" || from.inputs.size() < 3) return InputError("", "is no normalization's");
    VLAQ_ASSIGN_OR_RETURN(const ReadOperator op, made_->Operator(value));
    if (!op.constants.contains(1) || !op.constants.contains(2)) return InputError("", "has no scale and bias");
    VLAQ_ASSIGN_OR_RETURN(const ReadConstant scale, source_->Constant(from.inputs[1]));
    VLAQ_ASSIGN_OR_RETURN(const ReadConstant bias, source_->Constant(from.inputs[2]));
    VLAQ_ASSIGN_OR_RETURN(const ReadConstant made_scale, op.constants.at(1)());
    VLAQ_ASSIGN_OR_RETURN(const ReadConstant made_bias, op.constants.at(2)());
    for (const ReadConstant* constant : {&scale, &bias, &made_scale, &made_bias}) {
      if (constant->values.dtype() != DType::kF32) return InputError("", "has a scale or bias that is no float");
    }
    const auto a = scale.values.data<float>(), b = bias.values.data<float>();
    const auto x = made_scale.values.data<float>(), y = made_bias.values.data<float>();
    if (a.size() != x.size() || b.size() != y.size() || a.size() != b.size())
      return InputError("", "changed its shape");
    const double tolerance = made_scale.number == NumericType::kFloat16 ? kHalfTolerance : kFactorTolerance;
    std::vector<double> factors(a.size(), 1);
    for (size_t i = 0; i < a.size(); ++i) {
      const bool by_scale = x[i] != 0;
      const double divisor = by_scale ? static_cast<double>(x[i]) : static_cast<double>(y[i]);
      if (divisor != 0) factors[i] = static_cast<double>(by_scale ? a[i] : b[i]) / divisor;
      const double error = std::abs(static_cast<double>(y[i]) * factors[i] - static_cast<double>(b[i]));
      if (!(factors[i] > 0) || !(error <= tolerance * (std::abs(static_cast<double>(b[i])) + 1e-30))) {
        return InputError("", fmt::format("scale and bias of channel {} were not divided by one positive factor", i));
      }
    }
    smoothed_constants_.insert(from.inputs[1]);
    smoothed_constants_.insert(from.inputs[2]);
    return factors;
  }

  // Plans say a node with its graph where several graphs have its name.
  const OperatorChoice* ChoiceOf(const Node& node) const {
    auto found = choices_.find(fmt::format("{}.{}", role_, node.name));
    if (found == choices_.end()) found = choices_.find(node.name);
    return found == choices_.end() ? nullptr : found->second;
  }

  Status CompareOperator(const Node& node) {
    ++operators_.looked_at;
    const OperatorChoice* choice = ChoiceOf(node);
    seen_.insert(choice == nullptr ? node.name : choice->node);
    VLAQ_ASSIGN_OR_RETURN(const ReadOperator from, source_->Operator(FirstOutput(node)));
    VLAQ_ASSIGN_OR_RETURN(const ReadOperator op, made_->Operator(FirstOutput(node), &node));
    used_.insert(op.initializers.begin(), op.initializers.end());
    if ((from.op_type != node.op_type && node.op_type != "Cast") ||
        (!from.constants.empty() && from.constants.rbegin()->first >= node.inputs.size())) {
      return InputError("", "is in the source itself no plain operator: is that quantized already?");
    }
    if (op.op_type != from.op_type) return InputError("", fmt::format("is a {} instead", op.node->op_type));
    VLAQ_ASSIGN_OR_RETURN(const std::optional<size_t> moved, MovedAttribute(node, op));
    for (size_t i = 0; i < std::max(from.inputs.size(), op.inputs.size()); ++i) {
      const std::string wanted = i < from.inputs.size() ? made_->Behind(from.inputs[i]) : "";
      const std::string& read = i < op.inputs.size() ? op.inputs[i] : wanted;
      if (read != wanted || (i >= op.inputs.size() && !wanted.empty())) {
        return InputError("", fmt::format("reads '{}' instead of '{}'", read, wanted));
      }
    }
    VLAQ_RETURN_IF_ERROR(CompareForm(choice, op));
    for (const auto& [input, constant] : op.constants) {
      if (from.constants.contains(input) || input == moved) continue;
      return InputError("", fmt::format("its input {} became constant", input));
    }
    for (const auto& [input, read] : from.constants) {
      if (input == kAxesInput && HasAxesAsAttribute(node, *op.node)) {
        VLAQ_ASSIGN_OR_RETURN(const ReadConstant axes, read());
        const std::vector<int64_t> said = op.node->Ints("axes");
        const bool same = axes.values.dtype() == DType::kI64 && std::ranges::equal(axes.values.data<int64_t>(), said);
        if (!same) return InputError("", "its attribute axes is not the source's input");
        continue;
      }
      if (!op.constants.contains(input)) return InputError("", fmt::format("its input {} is no constant", input));
      CompareConstant(node, input, from, op, choice);
    }
    return {};
  }

  // Newer opsets take some attributes (axes) as a constant input: that input, if the node has one. Errors: kInput for
  // an attribute that changed.
  Result<std::optional<size_t>> MovedAttribute(const Node& node, const ReadOperator& op) {
    const Attributes attributes = CompareAttributes(node, *op.node);
    const Error changed =
        InputError("", fmt::format("its attribute {} is not the source's",
                                   attributes.changed.empty() && !attributes.missing.empty() ? attributes.missing[0]
                                                                                             : attributes.changed));
    if (!attributes.changed.empty() || attributes.missing.size() > 1) return changed;
    if (attributes.missing.empty()) return std::optional<size_t>{};
    const size_t input = node.inputs.size();
    if (!op.constants.contains(input)) return changed;
    VLAQ_ASSIGN_OR_RETURN(const ReadConstant read, op.constants.at(input)());
    const std::vector<int64_t> wanted = node.Ints(attributes.missing[0]);
    const bool same = read.values.dtype() == DType::kI64 && std::ranges::equal(read.values.data<int64_t>(), wanted);
    if (!same) return changed;
    return std::optional(input);
  }

  // A table's rows that are float16 are that whether they are widened at once or not.
  static bool SameForm(const OperatorChoice& choice, const ReadOperator& op) {
    const bool half_rows = op.op_type == "Gather" && choice.form == Form::kHalf && op.form == Form::kWeightOnly;
    return op.form == choice.form || half_rows;
  }

  Status CompareForm(const OperatorChoice* choice, const ReadOperator& op) {
    if (choice == nullptr || choice->form == Form::kFloat) {
      const bool small = op.form == Form::kStaticInt8 || op.form == Form::kDynamicInt8;
      const bool half = op.form == Form::kHalf && plan_.rest != NumericType::kFloat16;
      if (small || half) return InputError("", fmt::format("is {}, which the plan does not say", FormName(op.form)));
      return {};
    }
    if (!SameForm(*choice, op)) {
      return InputError("",
                        fmt::format("is {} in the graph, {} in the plan", FormName(op.form), FormName(choice->form)));
    }
    if (choice->form == Form::kStaticInt8) CompareRange(*choice, op);
    return {};
  }

  void CompareRange(const OperatorChoice& choice, const ReadOperator& op) {
    ++ranges_.looked_at;
    if (!choice.activation || !choice.activation->range || !op.activation) {
      ranges_.wrong.push_back(fmt::format("'{}' has no range in the plan", choice.node));
      return;
    }
    const numerics::Scale planned = ScaleFor(*choice.activation->range, choice.activation->number);
    const ReadActivation& read = *op.activation;
    const double wanted = static_cast<double>(planned.scale), got = static_cast<double>(read.scale.scale);
    const bool same = std::abs(got - wanted) <= kFactorTolerance * wanted &&
                      read.scale.zero_point == planned.zero_point && read.number == choice.activation->number;
    if (same) return;
    ranges_.wrong.push_back(
        fmt::format("{}: the input of '{}' has scale {:.6g} and zero point {} ({}), by the plan {:.6g} and {} ({})",
                    role_, choice.node, got, read.scale.zero_point, NumericTypeName(read.number), wanted,
                    planned.zero_point, NumericTypeName(choice.activation->number)));
  }

  void CompareConstant(const Node& node, size_t input, const ReadOperator& from, const ReadOperator& op,
                       const OperatorChoice* choice) {
    const WeightChoice* format = FormatOf(node.inputs[input], choice);
    std::string key = fmt::format("{}\n{}\n{}", node.name, input, node.inputs[input]);
    for (const std::string& name : op.initializers) key += "\n" + name;
    if (!compared_.insert(std::move(key)).second) return;  // the same in an earlier graph
    ++weights_.looked_at;
    auto expected = from.constants.at(input)();
    auto actual = op.constants.at(input)();
    std::string problem;
    if (!expected.ok() || !actual.ok()) {
      problem = (expected.ok() ? actual.error() : expected.error()).ToString();
    } else {
      problem = Judge(node, input, *expected, *actual, format);
    }
    if (!problem.empty()) {
      weights_.wrong.push_back(fmt::format("{}: '{}' of '{}' {}", role_, node.inputs[input], node.name, problem));
    }
  }

  static const WeightChoice* FormatOf(const std::string& weight, const OperatorChoice* choice) {
    if (choice == nullptr || choice->form == Form::kFloat) return nullptr;
    const auto found = std::find_if(choice->weights.begin(), choice->weights.end(),
                                    [&](const WeightChoice& w) { return w.name == weight; });
    return found == choice->weights.end() ? nullptr : &*found;
  }

  std::string Judge(const Node& node, size_t input, const ReadConstant& expected, const ReadConstant& actual,
                    const WeightChoice* format) {
    if (!IsFloat(expected.values.dtype())) {
      const bool same = expected.values.dtype() == actual.values.dtype() &&
                        expected.values.shape() == actual.values.shape() &&
                        std::ranges::equal(expected.values.bytes(), actual.values.bytes());
      return same ? "" : "is not the source's constant";
    }
    if (actual.values.dtype() != DType::kF32) {
      return fmt::format("is {} without a scale", DTypeName(actual.values.dtype()));
    }
    if (smoothed_constants_.contains(node.inputs[input])) return "";  // judged with its factors
    const Tensor source = Smoothed(node, expected.values);
    if (format != nullptr && BoundsOfWeights(format->number)) return JudgeSmall(node, source, actual, *format);
    if (actual.number != NumericType::kFloat32 && actual.number != NumericType::kFloat16) {
      return fmt::format("is {}, which the plan does not say", NumericTypeName(actual.number));
    }
    if (format != nullptr && actual.number != format->number) {
      return fmt::format("is {} instead of {}", NumericTypeName(actual.number), NumericTypeName(format->number));
    }
    if (IsMask(source, actual.values)) return "";
    const bool corrected = plan_.bias_correction && node.op_type == "Add";
    if (corrected && CorrectedBias(node, source, actual.values)) return "";
    const bool smoothed = smoothed_.contains(node.name);
    return MeasureFloats(source, actual.values, actual.number, smoothed ? kFactorTolerance : 0).problem;
  }

  std::string JudgeSmall(const Node& node, const Tensor& source, const ReadConstant& actual,
                         const WeightChoice& format) {
    if (actual.number != format.number) {
      return fmt::format("is {} instead of {}", NumericTypeName(actual.number), NumericTypeName(format.number));
    }
    const WeightError error = MeasureWeight(source, actual.values, format);
    worst_steps_ = std::max(worst_steps_, error.worst);
    if (error.signal_to_noise_db < worst_db_) {
      worst_db_ = error.signal_to_noise_db;
      worst_of_ = format.name;
    }
    if (plan_.bias_correction && source.shape().size() == 2 && source.shape() == actual.values.shape()) {
      KeepColumnErrors(node, source, actual.values);
    }
    return error.problem;
  }

  Tensor Smoothed(const Node& node, const Tensor& values) const {
    const auto value = smoothed_.find(node.name);
    const auto factors = value == smoothed_.end() ? factors_.end() : factors_.find(value->second);
    const bool rows = factors != factors_.end() && values.shape().size() == 2 &&
                      values.shape()[0] == static_cast<int64_t>(factors->second.size());
    if (!rows) return values;
    Tensor result = Tensor::Make(DType::kF32, values.shape());
    const auto from = values.data<float>();
    const auto to = result.mutable_data<float>();
    const auto width = static_cast<size_t>(values.shape()[1]);
    for (size_t i = 0; i < from.size(); ++i) {
      to[i] = static_cast<float>(static_cast<double>(from[i]) * factors->second[i / width]);
    }
    return result;
  }

  static bool IsMask(const Tensor& source, const Tensor& actual) {
    return source.size() == 1 && actual.size() == 1 && source.data<float>()[0] < kMasked &&
           actual.data<float>()[0] < kMasked;
  }

  // Sum over the rows of |Wq - W|, by column.
  void KeepColumnErrors(const Node& node, const Tensor& source, const Tensor& actual) {
    std::vector<double>& sums = column_errors_[node.outputs[0]];
    const auto width = static_cast<size_t>(source.shape()[1]);
    sums.assign(width, 0);
    const auto from = source.data<float>(), to = actual.data<float>();
    for (size_t i = 0; i < from.size(); ++i) {
      sums[i % width] += std::abs(static_cast<double>(to[i]) - static_cast<double>(from[i]));
    }
  }

  bool CorrectedBias(const Node& node, const Tensor& source, const Tensor& actual) const {
    for (const std::string& input : node.inputs) {
      const auto sums = column_errors_.find(input);
      if (sums == column_errors_.end() || source.shape() != actual.shape() ||
          sums->second.size() != static_cast<size_t>(source.size())) {
        continue;
      }
      const auto from = source.data<float>(), to = actual.data<float>();
      for (size_t i = 0; i < from.size(); ++i) {
        const double moved = std::abs(static_cast<double>(to[i]) - static_cast<double>(from[i]));
        if (!(moved <= kLargestMean * sums->second[i])) return false;
      }
      return true;
    }
    return false;
  }

  // Stored weights that no operator of the source is made of.
  void CompareLeftovers(const onnx::Graph& made) {
    for (const onnx::Initializer& initializer : made.initializers) {
      if (!initializer.is_external()) continue;
      ++accounted_.looked_at;
      if (!used_.contains(initializer.name)) {
        accounted_.wrong.push_back(
            fmt::format("{}: '{}' belongs to no operator of the source", role_, initializer.name));
      }
    }
  }

  const Bundle& bundle_;
  const Plan& plan_;
  const Bundle& reference_;
  bool of_files_;
  Log& log_;
  onnx::WeightFiles files_, source_files_;
  std::map<std::string, const OperatorChoice*, std::less<>> choices_;  // by node
  std::map<std::string, std::string, std::less<>> smoothed_;           // node -> smoothed value that it reads

  std::string role_;  // of the graphs that are compared now
  const GraphReading* source_ = nullptr;
  const GraphReading* made_ = nullptr;
  std::set<std::string> used_;
  std::map<std::string, std::vector<double>, std::less<>> factors_;        // by smoothed value
  std::map<std::string, std::vector<double>, std::less<>> column_errors_;  // by result of the operator

  std::set<std::string> seen_, compared_, smoothed_constants_;
  Findings operators_, accounted_, weights_, ranges_;
  std::vector<Untestable> unread_;  // graphs of the source that cannot be read
  double worst_steps_ = 0;
  double worst_db_ = std::numeric_limits<double>::infinity();
  std::string worst_of_;
};

}  // namespace

Status CheckQuantizedWeights(const Bundle& bundle, const Plan* plan, const Bundle& reference, Log& log,
                             Report& report) {
  if (plan != nullptr) {
    const bool belongs = plan->source.weights_sha256 == reference.weights.sha256;
    report.checks.push_back(
        {0,
         "source",
         belongs,
         fmt::format("the plan was made for weights with the SHA-256 {}{}", plan->source.weights_sha256,
                     belongs ? "" : fmt::format(", the reference has {}", reference.weights.sha256)),
         {}});
  }
  static const Plan nothing;
  Comparer comparer(bundle, plan != nullptr ? *plan : nothing, reference, report.of_files, log);
  VLAQ_RETURN_IF_ERROR(comparer.Run());
  comparer.Tell(report, plan != nullptr);
  return {};
}

}  // namespace vlaq::verify
