// Any bytes as an ONNX model that the rules of TensorRT's versions are asked about, and that is fixed. A fixed model is
// a valid one that breaks no more rules than before.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "check/fix.h"
#include "target/tensorrt.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

constexpr int64_t kNewestSchemas = 17;  // of libonnx 1.12

static std::ptrdiff_t ErrorsIn(const std::vector<vlaq::check::Finding>& findings) {
  return std::ranges::count_if(
      findings, [](const auto& finding) { return finding.rule->severity == vlaq::check::Severity::kError; });
}

static void GraphFix(const vlaq::onnx::Model& model, const char* name) {
  using namespace vlaq::check;
  vlaq::onnx::WeightFiles files("/no/such/folder");
  const vlaq::target::TensorRt& version = **vlaq::target::FindImporter(name);
  const auto before = CheckModel(model, files, version, "fuzz");
  if (!before.ok()) return;
  const auto fixed = FixModel(model, files, version, "fuzz");
  if (!fixed.ok() || ErrorsIn(fixed->left) > ErrorsIn(*before)) std::abort();
  const auto bytes = vlaq::onnx::Serialize(fixed->model);
  if (!bytes.ok()) return;
  const auto again =
      vlaq::onnx::ReadModelBytes(std::make_shared<const std::string>(*bytes), "/no/such/folder", "fixed");
  // A newer opset than libonnx has schemas of may hide attributes that its operators do not have; `--fix` refuses those
  // when it has lowered the opset.
  const auto opset = model.opsets.find("");
  const bool has_schemas = opset == model.opsets.end() || opset->second <= kNewestSchemas;
  if (!again.ok() && has_schemas) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size);
  const auto model = vlaq::onnx::ReadModelBytes(bytes, "/no/such/folder", "fuzz");
  if (!model.ok()) return 0;
  GraphFix(*model, "8.6");
  GraphFix(*model, "10.3");
  return 0;
}
