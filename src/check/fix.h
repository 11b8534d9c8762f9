// A model or bundle that keeps more rules, written anew: fixes that keep every number, and for each finding whether it
// was fixed and why not. In scope: which fixes, files. Not aware of: how nodes are rewritten (fixes_*.cc), printing.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/output.h"
#include "check/check.h"

namespace vlaq::check {

struct Outcome {
  Finding finding;
  bool fixed = false;
  std::string how;  // what was done, or why nothing was
};

struct FixedModel {
  onnx::Model model;
  std::vector<Outcome> outcomes;  // one for each finding of the model as it was
  std::vector<Finding> left;      // of the model as it is now
};

// Pure but for weights that are read. Subgraphs are left as they are. Errors: as CheckModel.
Result<FixedModel> FixModel(const onnx::Model& model, onnx::WeightFiles& files, const Version& version,
                            const std::string& name);

struct Fixed {
  Report before, after;
  std::vector<Outcome> outcomes;
};

// Writes the fixed model, or the bundle with its graphs fixed and the same weights.bin, to `output`, whole or not at
// all. A file with weights beside it gets its own beside it: "<name>.weights.bin". Errors: kUsage if `output` is `path`
// or exists (unless it may be replaced); kInput for what cannot be read, for models with functions of their own, and if
// onnx's checker refuses the result.
Result<Fixed> Fix(const std::filesystem::path& path, const Version& version, const std::filesystem::path& output,
                  Existing existing);

}  // namespace vlaq::check
