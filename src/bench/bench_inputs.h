// What the subjects of a benchmark observe: one file for all of them, of what is given or made up.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/status.h"
#include "bench/bench_subject.h"
#include "bench/harness/results.h"
#include "onnx/shapes.h"
#include "policy/policy.h"

namespace vlaq::bench {

// What somebody gives for some of the inputs, as a robot observes it.
class GivenInputs {
 public:
  virtual ~GivenInputs() = default;
  virtual bool Gives(const std::string& input) const = 0;
  virtual size_t size() const = 0;  // steps; 1: the same for all
  // By the inputs' names, as FeatureReader takes them.
  virtual Result<backend::NamedTensors> Read(size_t index) const = 0;
  // Where it is from, in words; empty: nothing is given.
  virtual std::string From() const = 0;
};

struct BenchInputsRequest {
  // Opens what is given for these inputs; null: nothing is. Errors pass through.
  std::function<Result<std::unique_ptr<GivenInputs>>(const std::vector<policy::Input>& inputs)> open_given;
  int steps = 24;  // different observations
  uint64_t seed = 1;
  onnx::Extents extents;  // of inputs, where they are left open: by their name in a graph, or "INPUT:AXIS"
};

struct BenchInputs {
  std::filesystem::path file;
  std::string what, sha256;
  std::string open;  // extents that nothing says, and that are 1 therefore, in words; or empty
  std::string span = "model: pixel values in memory to actions";  // what is timed
  std::string unit{harness::kNormalizedAction};                   // of actions
  int count = 0;
  int64_t window = 8;
};

// Written into `folder`: recorded, given, or seeded noise. Errors: kInput, kUsage.
Result<BenchInputs> MakeBenchInputs(const BenchInputsRequest& request, const std::vector<BenchSubject>& subjects,
                                    const std::filesystem::path& folder);

}  // namespace vlaq::bench
