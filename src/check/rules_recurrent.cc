// Rules about LSTM, GRU and RNN.
#include <fmt/format.h>

#include <algorithm>

#include "check/graph_view.h"
#include "check/rule.h"

namespace vlaq::check {
namespace {

// Activations that TensorRT has, in lower case; ONNX's list has Affine too.
constexpr std::array<std::string_view, 10> kActivations{"elu",        "hardsigmoid",    "leakyrelu", "relu",
                                                        "scaledtanh", "sigmoid",        "softplus",  "softsign",
                                                        "tanh",       "thresholdedrelu"};

std::vector<std::string> Activations(const onnx::Node& node) {
  const auto found = node.attributes.find("activations");
  if (found == node.attributes.end()) return {};
  const auto* names = std::get_if<std::vector<std::string>>(&found->second);
  return names == nullptr ? std::vector<std::string>{} : *names;
}

std::string LowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return text;
}

void InputForget(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (node.Int("input_forget", 0) != 0) findings.Add(node, "", "input_forget = 1");
}

void Layout(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (node.Int("layout", 0) != 0) findings.Add(node, "", "layout = 1");
}

void DifferentDirections(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  const std::vector<std::string> names = Activations(node);
  if (node.String("direction", "forward") != "bidirectional" || names.size() % 2 != 0) return;
  const auto middle = names.begin() + static_cast<std::ptrdiff_t>(names.size() / 2);
  if (!std::equal(names.begin(), middle, middle)) findings.Add(node, "", "other activations backwards than forwards");
}

// What the activations are called with; lists of floats, first forwards, then backwards.
void DifferentParameters(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (node.String("direction", "forward") != "bidirectional") return;
  for (const char* name : {"activation_alpha", "activation_beta"}) {
    const auto found = node.attributes.find(name);
    const auto* list = found == node.attributes.end() ? nullptr : std::get_if<std::vector<float>>(&found->second);
    if (list == nullptr || list->empty()) continue;
    const auto middle = list->begin() + static_cast<std::ptrdiff_t>(list->size() / 2);
    const bool same = list->size() % 2 == 0 && std::equal(list->begin(), middle, middle);
    if (!same) findings.Add(node, "", fmt::format("other {} backwards than forwards", name));
  }
}

void NoHiddenSize(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  if (!node.attributes.contains("hidden_size")) findings.Add(node, "", "has no hidden_size");
}

void UnknownActivation(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  for (const std::string& name : Activations(node)) {
    const bool known = std::find(kActivations.begin(), kActivations.end(), LowerCase(name)) != kActivations.end();
    if (!known) findings.Add(node, "", fmt::format("activation {}", name));
  }
}

void FloatLoop(const GraphView& /*view*/, const onnx::Node& node, Findings& findings) {
  findings.Add(node, InputName(node, 0), "runs as a loop in floating point");
}

constexpr std::array kRecurrentChecks = {
    Check{.rule = "TRT-L01", .operators = {"LSTM"}, .node = InputForget},
    Check{.rule = "TRT-L02", .operators = {"GRU", "LSTM", "RNN"}, .node = Layout},
    Check{.rule = "TRT-L03", .operators = {"GRU", "LSTM", "RNN"}, .node = DifferentDirections},
    Check{.rule = "TRT-L03a", .operators = {"GRU", "LSTM", "RNN"}, .node = DifferentParameters},
    Check{.rule = "TRT-L04", .operators = {"GRU", "LSTM", "RNN"}, .node = UnknownActivation},
    Check{.rule = "TRT-L06", .operators = {"GRU", "LSTM", "RNN"}, .node = NoHiddenSize},
    Check{.rule = "TRT-L05", .operators = {"GRU", "LSTM", "RNN"}, .node = FloatLoop},
};

}  // namespace

std::span<const Check> RecurrentChecks() { return kRecurrentChecks; }

}  // namespace vlaq::check
