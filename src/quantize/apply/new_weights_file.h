// Makes the weights of a quantized bundle and writes them to its shared file.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "bundle/bundle.h"
#include "onnx/model_file.h"
#include "quantize/apply/quantize.h"
#include "quantize/rewrite/apply_plan.h"

namespace vlaq::apply {

// Changes to a source weight before it is stored, from smoothing and bias correction.
struct Adjustment {
  std::vector<float> row_factors;  // multiplies row i (axis 0; the only axis of a vector)
  std::vector<float> added;        // to a vector, afterwards
};
using WeightTransforms = std::map<std::string, Adjustment, std::less<>>;

struct WrittenWeights {
  bundle::FileRecord file;
  std::vector<bundle::WeightRecord> records;
  std::vector<WeightLoss> losses;
};

// The float32 values of a source weight with its adjustment; the mapped bytes themselves if there is none.
// Errors: kInput naming the weight.
Result<Tensor> Adjusted(const onnx::Initializer& source, const WeightTransforms& adjustments, onnx::WeightFiles& files);

// Gives every weight of `rewritten` its place (ExternalData in its graphs), makes it and writes it. `sources`: the
// initializers of the source bundle by name, read through `files`. Errors: kInput naming the weight.
Result<WrittenWeights> WriteNewWeights(rewrite::Rewritten& rewritten, const rewrite::Sources& sources,
                                       const WeightTransforms& adjustments, onnx::WeightFiles& files,
                                       const std::filesystem::path& path, int threads, Log& log);

}  // namespace vlaq::apply
