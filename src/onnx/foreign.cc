#include "onnx/foreign.h"

#include "onnx/inline_functions.h"
#include "onnx/protobuf.h"
#include "onnx/reader.h"
#include "onnx/sort_nodes.h"

namespace vlaq::onnx {

Result<ForeignModel> ReadForeignModel(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto proto, ParseModelFile(path));
  auto inlined = InlineFunctions(*proto);
  if (!inlined.ok()) return Within(path.string(), inlined.error());
  ForeignModel foreign;
  foreign.functions = std::move(inlined->functions);
  foreign.calls = inlined->calls;
  foreign.sorted = SortNodes(*proto->mutable_graph());
  VLAQ_ASSIGN_OR_RETURN(foreign.model, ModelOf(proto, path.parent_path(), path.string()));
  return foreign;
}

}  // namespace vlaq::onnx
