#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include <exception>

#include "onnx/model_file.h"
#include "onnx/protobuf.h"

namespace vlaq::onnx {
namespace {

// Strict: a node whose shapes cannot be right is an error, and so is a declared output that contradicts the inferred
// one. External weights stay unread: inference only looks at values of shape operands, which are inline.
void InferShapesStrictly(::onnx::ModelProto& proto) {
  const ::onnx::ShapeInferenceOptions options(/*check_type=*/true, /*strict_mode=*/1, /*data_prop=*/true);
  ::onnx::shape_inference::InferShapes(proto, ::onnx::OpSchemaRegistry::Instance(), options);
}

}  // namespace

Status CheckModelFile(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto proto, ParseModelFile(path));
  try {
    ::onnx::checker::check_model(path.string());
    InferShapesStrictly(*proto);
  } catch (const std::exception& error) {
    return InputError(path.string(), error.what());
  }
  return {};
}

}  // namespace vlaq::onnx
