// What tests of this module run graphs with.
#include "backend/onnxruntime/onnxruntime.h"
#include "families/onnx/testing.h"

namespace vlaq::importing::testing {

Tensors RunModel(const onnx::Model& model, const Tensors& inputs, const std::filesystem::path& folder) {
  const auto text = onnx::Serialize(model);
  EXPECT_TRUE(text.ok()) << text.error().ToString();
  if (!text.ok()) return {};
  const auto engine = backend::MakeOnnxRuntimeBackend();
  auto opened = engine->Open({"model", std::make_shared<const std::string>(*text), folder}, {.threads = 1});
  EXPECT_TRUE(opened.ok()) << opened.error().ToString();
  if (!opened.ok()) return {};
  auto outputs = (*opened)->Run(inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.error().ToString();
  return outputs.ok() ? *std::move(outputs) : Tensors{};
}

}  // namespace vlaq::importing::testing
