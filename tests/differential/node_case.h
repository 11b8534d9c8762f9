// One operator on random data, run by both back ends and compared.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "onnx/builder.h"
#include "tensor/tensor.h"

namespace vlaq::differential {

// A float result may differ from the reference by absolute + relative * |reference|. Results of other types must be
// equal.
struct Tolerance {
  double absolute = 0;
  double relative = 0;
};
// Two roundings to float32 of the same exact value, or of one a hair away from it.
inline constexpr Tolerance kRounding{0, 0x1p-22};
// ONNX Runtime's vectorized approximations of erf, tanh, exp and the like are good to a few units of the last place of
// values around 1.
inline constexpr Tolerance kApproximation{2e-6, 4e-6};
// A float32 sum of `terms` products no larger than `largest`: each addition may round by half a unit of a sum that is
// itself no larger than terms * largest. Random signs make the real error far smaller; 8 is a generous share of it.
Tolerance SumOf(int64_t terms, double largest);

// How often a test draws anew.
inline constexpr int kRounds = 12;

// An operator, its attributes and operands, in order.
class NodeCase {
 public:
  explicit NodeCase(std::string op_type, onnx::Attributes attributes = {})
      : op_type_(std::move(op_type)), attributes_(std::move(attributes)) {}

  NodeCase& Input(Tensor tensor) { return Add({std::move(tensor), Kind::kInput}); }
  NodeCase& Constant(Tensor tensor) { return Add({std::move(tensor), Kind::kConstant}); }
  NodeCase& Ints(const std::vector<int64_t>& values);  // a constant int64 list
  NodeCase& Nothing() { return Add({{}, Kind::kLeftOut}); }
  // Of ONNX Runtime's own operators ("com.microsoft", opset 1).
  NodeCase& Contrib() {
    domain_ = "com.microsoft";
    return *this;
  }
  // Another opset of ai.onnx than 17, with the file format that has it.
  NodeCase& Opset(int64_t opset) {
    opset_ = opset;
    return *this;
  }
  NodeCase& Outputs(size_t count) {
    outputs_ = count;
    return *this;
  }

  // Runs the node by EvaluateNode, by the reference back end and by ONNX Runtime with and without optimization, and
  // expects the same from all.
  void ExpectSame(Tolerance tolerance = {}) const;
  // Expects this one result of ONNX Runtime, with and without optimization.
  void ExpectResult(const Tensor& expected, Tolerance tolerance = {}) const;
  // Expects both back ends to refuse the node, at opening or at running.
  void ExpectBothRefuse() const;

 private:
  enum class Kind { kInput, kConstant, kLeftOut };
  struct Operand {
    Tensor tensor;
    Kind kind;
  };
  NodeCase& Add(Operand operand) {
    operands_.push_back(std::move(operand));
    return *this;
  }
  onnx::Model Build(const std::vector<Tensor>& expected) const;

  std::string op_type_;
  onnx::Attributes attributes_;
  std::vector<Operand> operands_;
  size_t outputs_ = 1;
  std::string domain_;
  int64_t opset_ = 17;
};

// Uniform values in [low, high): floats any, integers whole, bool low or high bit.
Tensor RandomTensor(Random& random, DType dtype, Shape shape, double low = -2, double high = 2);
// From 1 to `largest`.
inline int64_t Extent(Random& random, int64_t largest) {
  return 1 + static_cast<int64_t>(random.Below(static_cast<uint64_t>(largest)));
}
Shape RandomShape(Random& random, size_t rank, int64_t largest = 5);
// Two shapes that broadcast with each other: axes are dropped from the left or set to 1 at random.
std::pair<Shape, Shape> RandomBroadcastPair(Random& random);

}  // namespace vlaq::differential
