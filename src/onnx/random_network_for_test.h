// Small random networks of the catalog's operators, for tests of what is done to graphs that compute something.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "onnx/builder.h"

namespace vlaq::onnx {

// Two to five layers on rows [4, 16], each one of MatMul with a bias, Gemm, Conv over the rows as pictures, LSTM along
// the rows, Relu, Tanh, or the sum with an earlier value; now and then the rows come out of a table. Ends in a MatMul
// to [4, 3]. A pure function of the seed.
class RandomNetwork {
 public:
  static constexpr int64_t kRows = 4, kColumns = 16, kTableRows = 24, kOutputs = 3;

  explicit RandomNetwork(uint64_t seed) : random_(seed) {}

  Model Make() {
    std::string x = Rows();
    values_.push_back(x);
    for (uint64_t layers = 2 + random_.Below(4); layers > 0; --layers) values_.push_back(x = Layer(x));
    b_.Output(b_.Op("MatMul", {x, Weight({kColumns, kOutputs})}, {}, "last"), "y", DType::kF32,
              {Dim::Fixed(kRows), Dim::Fixed(kOutputs)});
    auto graph = b_.Finish();
    return graph.ok() ? MakeModel(*std::move(graph), "test") : Model();
  }
  // For the model that Make() gave.
  std::map<std::string, Tensor> Inputs() {
    if (!has_table_) return {{"x", Numbers({kRows, kColumns}, 1.5)}};
    Tensor ids = Tensor::Make(DType::kI64, {kRows});
    for (int64_t& id : ids.mutable_data<int64_t>()) id = static_cast<int64_t>(random_.Below(kTableRows));
    return {{"ids", ids}};
  }

 private:
  Tensor Numbers(Shape shape, double scale) {
    Tensor tensor = Tensor::Make(DType::kF32, std::move(shape));
    for (float& value : tensor.mutable_data<float>()) value = static_cast<float>(scale * random_.Normal());
    return tensor;
  }
  std::string Weight(Shape shape) {
    const double scale = 0.2 + 0.1 * static_cast<double>(random_.Below(5));
    return b_.Constant(fmt::format("w{}", weights_++), Numbers(std::move(shape), scale));
  }
  std::string Rows() {
    has_table_ = random_.Below(4) == 0;
    if (!has_table_) return b_.Input("x", DType::kF32, {Dim::Fixed(kRows), Dim::Fixed(kColumns)});
    const auto ids = b_.Input("ids", DType::kI64, {Dim::Fixed(kRows)});
    return b_.Op("Gather", {Weight({kTableRows, kColumns}), ids}, {}, "taken");
  }
  std::string Shaped(const std::string& x, const Ints& shape) {
    return b_.Op("Reshape", {x, b_.Constant(shape)}, {}, "shaped");
  }

  std::string Layer(const std::string& x) {
    switch (random_.Below(7)) {
      case 0:
        return b_.Op("Add", {b_.Op("MatMul", {x, Weight({kColumns, kColumns})}, {}, "product"), Weight({kColumns})}, {},
                     "biased");
      case 1:
        return b_.Op("Gemm", {x, Weight({kColumns, kColumns}), Weight({kColumns})},
                     {{"transB", static_cast<int64_t>(random_.Below(2))}}, "gemm");
      case 2: {
        const auto pictures = Shaped(x, {kRows, 4, 2, 2});
        const auto seen =
            b_.Op("Conv", {pictures, Weight({4, 4, 3, 3}), Weight({4})}, {{"pads", Ints{1, 1, 1, 1}}}, "conv");
        return Shaped(seen, {kRows, kColumns});
      }
      case 3: {
        const auto steps = Shaped(x, {kRows, 1, kColumns});
        const auto hidden =
            b_.Ops("LSTM", {steps, Weight({1, 4 * kColumns, kColumns}), Weight({1, 4 * kColumns, kColumns})}, 1,
                   {{"hidden_size", kColumns}}, "loop")[0];
        return Shaped(hidden, {kRows, kColumns});
      }
      case 4:
        return b_.Op("Relu", {x}, {}, "relu");
      case 5:
        return b_.Op("Tanh", {x}, {}, "tanh");
      default:
        return b_.Op("Add", {x, values_[random_.Below(values_.size())]}, {}, "sum");
    }
  }

  Random random_;
  GraphBuilder b_{"g"};
  std::vector<std::string> values_;  // rows that later layers may add
  int weights_ = 0;
  bool has_table_ = false;
};

}  // namespace vlaq::onnx
