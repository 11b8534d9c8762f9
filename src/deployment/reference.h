// How far an engine's actions are from the fp32 policy's, on the same windows of recorded frames.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "base/json_fwd.h"
#include "base/log.h"
#include "bench/windows.h"
#include "bundle/bundle.h"
#include "deployment/engines.h"
#include "image/frames.h"

namespace vlaq::deployment {

struct ReferenceRequest {
  std::filesystem::path bundle;  // fp32
  std::unique_ptr<image::FrameSource> frames;
  std::unique_ptr<backend::Backend> backend;
  backend::OpenOptions options;
  size_t windows = 64;  // at most, spread evenly over the frames
};

// Whether actions can be compared at all: a schedule of each bundle runs a single graph, of frames alone, and an engine
// of that graph will be built (`graphs`, empty: of all). Errors: kUsage.
Status CheckComparable(const std::vector<bundle::Bundle>& bundles, const std::vector<std::string>& graphs);

class Reference {
 public:
  // Everything that can fail before hours of building does: the bundle, the frames, and the policy is opened once.
  // Errors: kInput, kBackend.
  static Result<Reference> Open(ReferenceRequest request, const std::vector<bundle::Bundle>& engines_of);

  // The mean absolute difference of the actions, as the network gives them, over all windows. The fp32 policy runs at
  // the first call, an engine once. Errors: kBackend, kInput; kVerification for actions that are no numbers.
  Result<double> Difference(const PlannedEngine& engine, const engine::Builder& builder, double timeout_s, Log& log);
  // What was compared, for the results.
  Json ToJson() const;

 private:
  Reference(bundle::Bundle bundle, bench::Windows windows, std::unique_ptr<backend::Backend> backend,
            backend::OpenOptions options)
      : bundle_(std::move(bundle)),
        windows_(std::move(windows)),
        backend_(std::move(backend)),
        options_(std::move(options)) {}
  Result<double> Compare(const PlannedEngine& engine, const engine::Builder& builder, double timeout_s, Log& log);

  bundle::Bundle bundle_;
  bench::Windows windows_;
  std::unique_ptr<backend::Backend> backend_;
  backend::OpenOptions options_;
  std::vector<float> actions_;  // empty until they are asked for
  std::map<std::filesystem::path, Result<double>> known_;
};

}  // namespace vlaq::deployment
