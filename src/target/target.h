// What a policy can be quantised for, and the rules of each: data that planning obeys, quantize checks and people read.
// Sources stand with the rules (ids are those of docs/quantisation.md). Not aware of: graphs, weights, plans.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace vlaq::target {

struct Target {
  std::string_view name;                       // "cpu"
  std::string_view for_whom;                   // in words
  int64_t opset = 17;                          // that graphs are written in
  int64_t newest_opset = 17;                   // that it takes
  bool contrib_operators = false;              // ONNX Runtime's com.microsoft domain
  bool dynamic_int8 = false;                   // DynamicQuantizeLinear and MatMulInteger
  bool int8_convolutions = false;              // Q/DQ around a convolution's operands makes an integer kernel of it
  bool asymmetric_activations = false;         // uint8 with a zero point
  bool float_weights_before_quantize = false;  // a weight is float32 -> Q -> DQ, never an int8 constant
  bool dequantize_tables_first = false;        // int8 constants only in front of a DequantizeLinear
  bool quantize_for_each_reader = false;       // else they share a static activation's Q/DQ pair
  bool int4 = false;
  bool int8_lstm_weights = false;  // an LSTM may read int8 constants through a DequantizeLinear
  bool float16_compute = false;    // float16 graphs run as such; else float16 is for storage
};

std::span<const Target> All();
std::vector<std::string> Names();
// Errors: kInput listing the known names.
Result<const Target*> Find(std::string_view name);

// Why an operator is left alone or gets a form: cited in plans by id.
struct Rule {
  std::string_view id;
  std::string_view reason;
  std::string_view source;
};
std::span<const Rule> Rules();
// The rule with this id, or null.
const Rule* FindRule(std::string_view id);

}  // namespace vlaq::target
