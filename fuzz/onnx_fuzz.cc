// Any bytes as an ONNX model. What reads must serialize to a fixed point: reading that again gives the same bytes.
#include <cstdint>
#include <cstdlib>

#include "onnx/model_file.h"
#include "onnx/reachability.h"
#include "onnx/summary.h"
#include "onnx/work.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// What a run would cost: every named extent is 2.
static void WorkOut(const vlaq::onnx::Model& model) {
  vlaq::onnx::Extents extents;
  for (const auto& input : model.graph.inputs) {
    for (const auto& dim : input.dims) extents[dim.name] = 2;
  }
  const auto shapes = vlaq::onnx::InferShapes(model, extents);
  if (!shapes.ok()) return;
  const auto work = vlaq::onnx::WorkOf(model.graph, *shapes);
  if (work.ok() && work->parameters_read > work->parameters) std::abort();
  vlaq::onnx::PeakActivations(model.graph, *shapes, 4);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using vlaq::onnx::ReadModelBytes;
  using vlaq::onnx::Serialize;
  const auto bytes = std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size);
  const auto model = ReadModelBytes(bytes, "/no/such/folder", "fuzz");
  if (!model.ok()) return 0;
  const auto reached = vlaq::onnx::ReachableFromOutputs(model->graph);
  const auto summary = vlaq::onnx::Summarize(*model);
  if (reached.bytes > summary.total.bytes()) std::abort();
  WorkOut(*model);
  const auto written = Serialize(*model);
  if (!written.ok()) return 0;
  const auto again = ReadModelBytes(std::make_shared<const std::string>(*written), "/no/such/folder", "fuzz");
  if (!again.ok()) std::abort();
  const auto twice = Serialize(*again);
  if (!twice.ok() || *twice != *written) std::abort();
  return 0;
}
