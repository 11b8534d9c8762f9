// A small network in float32 and the same network quantized by hand, in every form that quantized graphs have, and ways
// to get that wrong. For tests of this module: nothing of passes or quantizing is used.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/output.h"
#include "base/random.h"
#include "bundle/bundle.h"
#include "onnx/builder.h"
#include "onnx/dtype_codes.h"
#include "onnx/model_file.h"
#include "quantize/numerics/plan.h"
#include "tensor/convert.h"

namespace vlaq::verify::testing {

using numerics::Form;
using numerics::Granularity;
using numerics::NumericType;
using numerics::OperatorChoice;
using numerics::WeightChoice;
using onnx::Dim;
using onnx::GraphBuilder;

inline constexpr int64_t kRows = 40, kWidth = 32, kHidden = 48, kOut = 16, kState = 8, kBlock = 16;
inline constexpr numerics::ClipRange kRange{-2.5, 3.5};

using Tensors = std::map<std::string, Tensor>;

inline Tensor Normal(Shape shape, uint64_t seed, double sigma) {
  Tensor tensor = Tensor::Make(DType::kF32, std::move(shape));
  Random random(seed, 5);
  for (float& x : tensor.mutable_data<float>()) x = static_cast<float>(sigma * random.Normal());
  return tensor;
}

inline Tensors SourceWeights() {
  Tensors w{{"table", Normal({kRows, kWidth}, 1, 1)},
            {"gamma", Normal({kWidth}, 2, 0.1)},
            {"beta", Normal({kWidth}, 3, 0.1)},
            {"w1", Normal({kWidth, kHidden}, 4, 0.2)},
            {"b1", Normal({kHidden}, 5, 0.1)},
            {"w2", Normal({kHidden, kOut}, 6, 0.2)},
            {"b2", Normal({kOut}, 7, 0.1)},
            {"W", Normal({1, 4 * kState, kOut}, 8, 0.3)},
            {"R", Normal({1, 4 * kState, kState}, 9, 0.3)},
            {"B", Normal({1, 8 * kState}, 10, 0.1)}};
  for (float& x : w.at("gamma").mutable_data<float>()) x += 1;
  // Rows and columns of unlike size, so that exchanged scales show.
  const auto w1 = w.at("w1").mutable_data<float>();
  for (size_t i = 0; i < w1.size(); ++i) w1[i] *= 1 + 0.05F * static_cast<float>(i % kHidden);
  return w;
}

// int8 codes with a scale for each index along `axis`, by the obvious way.
struct Codes {
  Tensor codes, scales;
};
inline Codes ByChannel(const Tensor& weight, size_t axis, float levels = 127) {
  size_t inner = 1;
  for (size_t d = axis + 1; d < weight.shape().size(); ++d) inner *= static_cast<size_t>(weight.shape()[d]);
  const auto extent = static_cast<size_t>(weight.shape()[axis]);
  Codes result{Tensor::Make(DType::kI8, weight.shape()), Tensor::Make(DType::kF32, {weight.shape()[axis]})};
  const auto from = weight.data<float>();
  const auto scales = result.scales.mutable_data<float>();
  const auto codes = result.codes.mutable_data<int8_t>();
  for (size_t i = 0; i < from.size(); ++i) {
    scales[i / inner % extent] = std::max(scales[i / inner % extent], std::abs(from[i]) / levels);
  }
  for (size_t i = 0; i < from.size(); ++i) {
    codes[i] = static_cast<int8_t>(std::nearbyint(from[i] / scales[i / inner % extent]));
  }
  return result;
}

inline Tensor InHalf(const Tensor& values) {
  Tensor half = Tensor::Make(DType::kF16, values.shape());
  Convert(DType::kF32, values.bytes(), DType::kF16, half.mutable_bytes());
  return half;
}

// [1, m, n] -> [1, n, m]
inline Tensor Turned(const Tensor& codes) {
  const int64_t m = codes.shape()[1], n = codes.shape()[2];
  Tensor turned = Tensor::Make(DType::kI8, {1, n, m});
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      turned.mutable_data<int8_t>()[static_cast<size_t>(j * m + i)] =
          codes.data<int8_t>()[static_cast<size_t>(i * n + j)];
    }
  }
  return turned;
}

// MatMulNBits' values and scales of [K, N] in blocks along K.
inline Codes Packed4(const Tensor& weight) {
  const int64_t k = weight.shape()[0], n = weight.shape()[1], blocks = (k + kBlock - 1) / kBlock;
  Codes result{Tensor::Make(DType::kU8, {n, blocks, kBlock / 2}), Tensor::Make(DType::kF32, {n, blocks})};
  const auto from = weight.data<float>();
  const auto at = [&](int64_t i, int64_t c) { return i < k ? from[static_cast<size_t>(i * n + c)] : 0.0F; };
  for (int64_t c = 0; c < n; ++c) {
    for (int64_t i = 0; i < blocks * kBlock; ++i) {
      const auto block = static_cast<size_t>(c * blocks + i / kBlock);
      float most = 0;
      for (int64_t j = i / kBlock * kBlock; j < (i / kBlock + 1) * kBlock; ++j)
        most = std::max(most, std::abs(at(j, c)));
      const float scale = most / 7;
      result.scales.mutable_data<float>()[block] = scale;
      const auto code = static_cast<unsigned>(static_cast<int>(std::nearbyint(at(i, c) / scale)) + 8);
      uint8_t& both = result.codes.mutable_data<uint8_t>()[block * (kBlock / 2) + static_cast<size_t>(i % kBlock / 2)];
      both = static_cast<uint8_t>(both | (i % 2 == 0 ? code : code << 4U));
    }
  }
  return result;
}

inline WeightChoice Channel(std::string name, int64_t axis) {
  return {std::move(name), NumericType::kInt8, Granularity::kChannel, axis, 0, numerics::RangeMethod::kMinMax};
}
inline WeightChoice Blocks(std::string name) {
  return {std::move(name), NumericType::kInt4, Granularity::kBlock, 0, kBlock, numerics::RangeMethod::kMinMax};
}
inline WeightChoice Half(std::string name) {
  return {std::move(name), NumericType::kFloat16, Granularity::kTensor, 0, 0, numerics::RangeMethod::kMinMax};
}

// The network, written piece by piece: each operator in a form of its own.
struct Net {
  GraphBuilder b{"net"};
  Tensors stored;  // what goes into the weights file, by name

  std::string Weight(const std::string& name, const Tensor& tensor) {
    stored.emplace(name, tensor);
    return b.External(name, tensor.dtype(), tensor.shape(), {});  // its place comes when it is written
  }
  std::string Zeros(int64_t count) { return b.Constant("zeros", Tensor::Make(DType::kI8, {count})); }
};

// How the quantized network departs from what its plan says.
struct Options {
  Form table = Form::kFloat, fc1 = Form::kFloat, fc2 = Form::kFloat, lstm = Form::kFloat;
  bool float_before_quantize = false;                    // of a static fc1
  std::function<void(Tensors&)> edit = [](Tensors&) {};  // of what is stored
  float activation_factor = 1;                           // on the scale of a static fc1's input
  uint8_t activation_zero = 0;                           // added to its zero point
  std::string fc2_reads = "";                            // "" or another value
};

inline std::string Float(Net& net, const std::string& name, const Tensors& w) { return net.Weight(name, w.at(name)); }

inline onnx::Attributes To(DType dtype) { return {{"to", static_cast<int64_t>(*onnx::CodeOfDType(dtype))}}; }

inline std::string Table(Net& net, const Tensors& w, const std::string& ids, Form form) {
  GraphBuilder& b = net.b;
  if (form == Form::kFloat) return b.Op("Gather", {Float(net, "table", w), ids}, {}, "embed");
  const Codes codes = ByChannel(w.at("table"), 0);
  const std::string rows = b.Op("Gather", {net.Weight("table/codes", codes.codes), ids}, {}, "embed/rows");
  const Tensor column = codes.scales.Reshaped({kRows, 1});
  const std::string scales = b.Op("Gather", {net.Weight("table/scale", column), ids}, {}, "embed/scales");
  return b.Op("Mul", {b.Op("Cast", {rows}, To(DType::kF32), "embed/Cast"), scales}, {}, "embed");
}

inline std::string Linear(Net& net, const Tensors& w, const std::string& x, const std::string& name,
                          const std::string& weight, Form form, const Options& options) {
  GraphBuilder& b = net.b;
  const Codes codes = ByChannel(w.at(weight), 1);
  const int64_t columns = w.at(weight).shape()[1];
  switch (form) {
    case Form::kFloat:
      return b.Op("MatMul", {x, Float(net, weight, w)}, {}, name);
    case Form::kHalf: {
      const std::string half = b.Op("Cast", {x}, To(DType::kF16), name + "/half");
      const std::string y = b.Op("MatMul", {half, net.Weight(weight + "/float16", InHalf(w.at(weight)))}, {}, name);
      return b.Op("Cast", {y}, To(DType::kF32), name + "/float32");
    }
    case Form::kStaticInt8: {
      const numerics::Scale planned = ScaleFor(kRange, NumericType::kUint8);
      const auto zero = static_cast<uint8_t>(planned.zero_point + options.activation_zero);
      const std::string s = b.Constant(planned.scale * options.activation_factor);
      const std::string z = b.Constant("zero", Tensor::Scalar(zero));
      const std::string q = b.Op("QuantizeLinear", {x, s, z}, {}, name + "/Q");
      const std::string a = b.Op("DequantizeLinear", {q, s, z}, {}, name + "/DQ");
      const std::string ws = net.Weight(weight + "/scale", codes.scales);
      const std::string zeros = net.Zeros(columns);
      const onnx::Attributes axis{{"axis", int64_t{1}}};
      const std::string c = options.float_before_quantize
                                ? b.Op("QuantizeLinear", {Float(net, weight, w), ws, zeros}, axis, weight + "/Q")
                                : net.Weight(weight + "/codes", codes.codes);
      return b.Op("MatMul", {a, b.Op("DequantizeLinear", {c, ws, zeros}, axis, weight + "/DQ")}, {}, name);
    }
    case Form::kDynamicInt8: {
      const auto q = b.Ops("DynamicQuantizeLinear", {x}, 3, {}, name + "/dynamic");
      const std::string c = net.Weight(weight + "/codes", codes.codes);
      const std::string sum = b.Op("MatMulInteger", {q[0], c, q[2]}, {}, name + "/MatMulInteger");
      const std::string scale = b.Op("Mul", {q[1], net.Weight(weight + "/scale", codes.scales)}, {}, name + "/scale");
      return b.Op("Mul", {b.Op("Cast", {sum}, To(DType::kF32), name + "/Cast"), scale}, {}, name);
    }
    case Form::kWeightOnly: {
      const Codes packed = Packed4(w.at(weight));
      b.SetDomain("MatMulNBits", "com.microsoft");
      return b.Op("MatMulNBits",
                  {x, net.Weight(weight + "/codes", packed.codes), net.Weight(weight + "/scale", packed.scales)},
                  {{"K", w.at(weight).shape()[0]}, {"N", columns}, {"bits", int64_t{4}}, {"block_size", kBlock}}, name);
    }
  }
  return "";
}

inline std::string Recurrent(Net& net, const Tensors& w, const std::string& x, Form form) {
  GraphBuilder& b = net.b;
  const onnx::Attributes size{{"hidden_size", kState}};
  const std::string bias = Float(net, "B", w);
  if (form == Form::kFloat) {
    return b.Op("LSTM", {x, Float(net, "W", w), Float(net, "R", w), bias}, size, "lstm");
  }
  std::vector<std::string> codes, scales;
  for (const char* name : {"W", "R"}) {
    const Codes made = ByChannel(w.at(name), 1);
    codes.push_back(net.Weight(std::string(name) + "/codes", Turned(made.codes)));
    scales.push_back(net.Weight(std::string(name) + "/scale", made.scales.Reshaped({1, 4 * kState})));
  }
  const std::string zeros = b.Constant("zeros", Tensor::Make(DType::kI8, {1, 4 * kState}));
  b.SetDomain("DynamicQuantizeLSTM", "com.microsoft");
  return b.Op("DynamicQuantizeLSTM", {x, codes[0], codes[1], bias, "", "", "", "", scales[0], zeros, scales[1], zeros},
              size, "lstm");
}

// The network with its operators in these forms, and what its weights file holds.
inline onnx::Model MakeNet(const Tensors& w, const Options& options, Tensors& stored) {
  Net net;
  GraphBuilder& b = net.b;
  const std::string ids = b.Input("ids", DType::kI64, {Dim::Named("n")});
  const std::string rows = Table(net, w, ids, options.table);
  const std::string norm = b.Op("LayerNormalization", {rows, Float(net, "gamma", w), Float(net, "beta", w)},
                                {{"axis", int64_t{-1}}}, "norm");
  const std::string fc1 = Linear(net, w, norm, "fc1", "w1", options.fc1, options);
  const std::string hidden = b.Op("Relu", {b.Op("Add", {fc1, Float(net, "b1", w)}, {}, "fc1/Add")}, {}, "relu");
  const std::string from = options.fc2_reads.empty() ? hidden : options.fc2_reads;
  const std::string fc2 = Linear(net, w, from, "fc2", "w2", options.fc2, options);
  const std::string out = b.Op("Add", {fc2, Float(net, "b2", w)}, {}, "fc2/Add");
  const std::string steps = b.Op("Unsqueeze", {out, b.Constant(onnx::Ints{1})}, {}, "steps");
  const std::string y = Recurrent(net, w, steps, options.lstm);
  b.Output(y, "y", DType::kF32, {Dim::Named("n"), Dim::Fixed(1), Dim::Fixed(1), Dim::Fixed(kState)});
  stored = std::move(net.stored);
  auto graph = b.Finish();
  if (!graph.ok()) return {};
  onnx::Model model = onnx::MakeModel(*std::move(graph), "test");
  model.opsets["com.microsoft"] = 1;
  return model;
}

// A folder with one graph, "encoder", and its weights: as much of a bundle as comparing weights needs.
inline bundle::Bundle WriteNet(const std::filesystem::path& folder, onnx::Model model, const Tensors& stored) {
  std::filesystem::create_directories(folder);
  std::string bytes;
  for (onnx::Initializer& initializer : model.graph.initializers) {
    if (!initializer.is_external()) continue;
    const Tensor& tensor = stored.at(initializer.name);
    bytes.resize((bytes.size() + 63) / 64 * 64);
    initializer.data = onnx::ExternalData{"weights.bin", bytes.size(), tensor.bytes().size()};
    bytes += AsText(tensor.bytes());
  }
  bundle::Bundle made;
  if (!WriteFile(folder / "weights.bin", bytes, Existing::kReplace).ok()) return made;
  if (!WriteFile(folder / "encoder.onnx", *onnx::Serialize(model), Existing::kReplace).ok()) return made;
  made.path = folder;
  made.graphs["encoder"] = *bundle::Describe(folder / "encoder.onnx");
  made.weights = *bundle::Describe(folder / "weights.bin");
  return made;
}

// What the forms of `options` are by plan.
inline numerics::Plan PlanOf(const Options& options, const bundle::Bundle& source) {
  numerics::Plan plan;
  plan.target = "cpu";
  plan.precision = "int8";
  plan.source.weights_sha256 = source.weights.sha256;
  const auto linear = [](const std::string& node, const std::string& weight, Form form) {
    OperatorChoice choice{node, "MatMul", node, form, {}, {}, "", "", 0};
    if (form == Form::kStaticInt8) choice.activation = {"", NumericType::kUint8, kRange, {}};
    if (form == Form::kWeightOnly) choice.weights = {Blocks(weight)};
    if (form == Form::kHalf) choice.weights = {Half(weight)};
    if (form == Form::kStaticInt8 || form == Form::kDynamicInt8) choice.weights = {Channel(weight, 1)};
    return choice;
  };
  OperatorChoice table{"embed", "Gather", "embed", options.table, {}, {}, "", "", 0};
  if (options.table != Form::kFloat) table.weights = {Channel("table", 0)};
  OperatorChoice lstm{"lstm", "LSTM", "lstm", options.lstm, {}, {}, "", "", 0};
  if (options.lstm != Form::kFloat) lstm.weights = {Channel("W", 1), Channel("R", 1)};
  plan.operators = {table, linear("fc1", "w1", options.fc1), linear("fc2", "w2", options.fc2), lstm};
  return plan;
}

}  // namespace vlaq::verify::testing
