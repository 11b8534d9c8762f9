#include <onnx/checker.h>
#include <onnx/defs/schema.h>

#include <algorithm>
#include <exception>
#include <unordered_map>

#include "onnx/model_file.h"
#include "onnx/protobuf.h"
#include "onnx/shapes.h"

namespace vlaq::onnx {
namespace {

// Newer files are held against our own rules alone: reading has done so.
bool LibraryKnows(const Model& model) {
  const int newest = ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map().at("").second;
  const auto opset = model.opsets.find("");
  return opset != model.opsets.end() && opset->second <= newest;
}

// As check_model(path), but for files of a newer IR version too: what those add is not in a file of an old opset.
void RunLibraryChecker(const ::onnx::ModelProto& proto, const std::filesystem::path& folder) {
  ::onnx::checker::CheckerContext context;
  context.set_ir_version(static_cast<int>(std::min<int64_t>(proto.ir_version(), ::onnx::Version::IR_VERSION)));
  std::unordered_map<std::string, int> opsets;
  for (const auto& opset : proto.opset_import())
    opsets[opset.domain() == "ai.onnx" ? "" : opset.domain()] = static_cast<int>(opset.version());
  context.set_opset_imports(opsets);
  context.set_model_dir((folder / "").string());
  ::onnx::checker::check_graph(proto.graph(), context, ::onnx::checker::LexicalScopeContext());
}

}  // namespace

Status CheckModelFile(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const Model model, ReadModel(path));
  VLAQ_ASSIGN_OR_RETURN(const auto proto, ParseModelFile(path));
  try {
    if (LibraryKnows(model)) RunLibraryChecker(*proto, path.parent_path());
  } catch (const std::exception& error) {
    return InputError(path.string(), error.what());
  }
  const Status shapes = CheckShapes(model);
  return shapes.ok() ? shapes : Status(Within(path.string(), shapes.error()));
}

}  // namespace vlaq::onnx
