// Which operator of a policy computes how, which tensor gets which format, and why: data that `vlaq plan quantize`
// writes, a person may edit, and `vlaq quantize` obeys to the letter.
//
// In scope: the plan as a value and as JSON (plan_file.h). Not aware of: graphs (planning makes plans, passes apply
// them), statistics. Operators and tensors bear the names of the source bundle's graphs; the whole-policy graph has
// the same names as encoder and head, so one plan speaks of all three.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quantize/numerics/numeric_type.h"

namespace vlaq::numerics {

// How an operator with weights computes.
enum class Form {
  kFloat,        // as in the source bundle
  kHalf,         // operands and result in float16
  kStaticInt8,   // Q/DQ pairs around it; the activation's range was fixed by calibration
  kDynamicInt8,  // the activation is quantized at run time, over the range that it then has
  kWeightOnly,   // the weight is stored small and widened before a float computation
};
std::string_view FormName(Form form);
std::optional<Form> FindForm(std::string_view name);
std::vector<std::string> FormNames();

struct WeightChoice {
  std::string name;  // of the initializer in the source bundle
  NumericType number = NumericType::kFloat32;
  Granularity granularity = Granularity::kTensor;
  int64_t axis = 0;   // kChannel: of the channels; kBlock: the one that is cut into blocks
  int64_t block = 0;  // kBlock: elements that share a scale
  RangeMethod range = RangeMethod::kMinMax;
};

struct ActivationChoice {
  std::string value;  // the operator's input in the source graph
  NumericType number = NumericType::kFloat32;
  // kStaticInt8: the range that `method` chose from the statistics. kDynamicInt8: absent, the range is the value's own.
  std::optional<ClipRange> range;
  RangeMethod method = RangeMethod::kMinMax;
};

struct OperatorChoice {
  std::string node;     // name of the node
  std::string op_type;  // "MatMul", "Conv", "Gather", "LSTM"
  std::string group;    // operators that are quantized or left alone together, e.g. "vision/layer.0/self_attn/qkv"
  Form form = Form::kFloat;
  std::vector<WeightChoice> weights;  // one; an LSTM has two (W, R)
  std::optional<ActivationChoice> activation;
  std::string rule;    // id of the rule that decided (target/rules.h): "QP-06", "USER"
  std::string reason;  // in words
  int64_t macs = 0;    // multiply-accumulates for one frame, for information
};

// Whether bias correction is for this operator: its weight is rounded to an integer format.
bool CorrectsBias(const OperatorChoice& choice);

// A whole-graph choice for what has no weights of its own (LayerNormalization, Softmax, Add ...): kFloat, except that
// with kHalf everything is float16 but the nodes in `keep_float`.
struct FloatNode {
  std::string node;
  std::string rule;
  std::string reason;
};

// SmoothQuant: activation channel j is divided by s_j and row j of the weights multiplied by it, with
// s_j = max|X_j|^alpha / max|W_j|^(1 - alpha). The division is folded into the LayerNormalization that makes `value`.
struct SmoothChoice {
  std::string value;
  std::vector<std::string> nodes;  // the operators that read it
  double alpha = 0.5;
  // The s_j themselves, one for each channel, each above 0. Empty in plans of earlier versions, which need the
  // statistics they were made with.
  std::vector<float> factors{};
};

// What bias correction needs of a value: the mean of each channel over the calibration samples, before smoothing.
struct ChannelMeans {
  std::string value;
  std::vector<float> means;
};

struct PlanSource {
  std::string weights_sha256;                 // of the source bundle's weights file
  std::map<std::string, std::string> graphs;  // role -> SHA-256
};

// A recorded episode that had a part in making the plan: figures on it prove nothing any more.
struct UsedEpisode {
  std::string use;   // "calibration": ranges came from it; "validation": formats were chosen by it
  std::string name;  // for people
  std::string hash;  // of its content
};

struct Plan {
  std::string target;     // "cpu", "tensorrt-8.6", ...
  std::string precision;  // as asked: "int8", "fp16", "int4", "mixed"
  PlanSource source;
  std::optional<std::string> statistics_sha256;  // of the stats file that ranges came from
  std::vector<UsedEpisode> used;
  int64_t opset = 17;
  NumericType rest =
      NumericType::kFloat32;  // what has no line of its own computes in this: kFloat32, or kFloat16 for fp16
  bool bias_correction = false;
  std::vector<OperatorChoice> operators;  // every operator that has weights, in graph order
  std::vector<FloatNode> keep_float;      // with rest = kFloat16: nodes that stay float32
  std::vector<SmoothChoice> smooth;
  // With bias_correction: of every value that a corrected operator reads. Empty in plans of earlier versions.
  std::vector<ChannelMeans> means;

  const OperatorChoice* Find(std::string_view node) const;
  const ChannelMeans* FindMeans(std::string_view value) const;
  // Whether it says less than it takes to carry it out: then the statistics it was made with are needed, too.
  bool NeedsStatistics() const;
};

}  // namespace vlaq::numerics
