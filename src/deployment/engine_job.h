// Engines for a board as a job: one for each graph of each bundle, built, chosen by their times, run and held against
// the fp32 policy. What `vlaq build` does but for options and printing.
//
// In scope: what has to hold before hours of building, one engine's failure beside the others' success. Not aware of:
// trtexec's flags (engine), printing. One job of a folder at a time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "base/status.h"
#include "bundle/bundle.h"
#include "deployment/choose.h"
#include "deployment/engines.h"
#include "deployment/reference.h"
#include "deployment/results.h"
#include "engine/board.h"
#include "engine/build.h"

namespace vlaq::deployment {

struct MeasureRequest {
  double seconds = 10;             // that each engine runs
  std::filesystem::path estimate;  // JSON that stands apart in the results; empty: none
};

struct EngineJobRequest {
  std::vector<bundle::Bundle> bundles;  // as OpenBundles gives them
  std::vector<std::string> graphs;      // empty: all
  std::string trtexec, tensorrt;        // the program, and the version that it must have; empty: what is there
  engine::BuildOptionsOfUser options;   // its text is filled in
  std::optional<ReferenceRequest> reference;
  std::optional<ChoiceRequest> choice;
  std::optional<MeasureRequest> measure;
};

struct FailedEngine {
  std::filesystem::path file;
  Error error;
};

class EngineJob {
 public:
  // All that can fail early is looked at; no folder is made yet. Errors: kUsage, kInput; kBackend without a trtexec of
  // that version; kUnstable if measured figures would be lost.
  static Result<EngineJob> Prepare(EngineJobRequest request);

  // Builds or keeps each engine. One that fails does not keep the others from being built: a graph that does all at
  // once may not fit into the board's memory where those of another schedule do. Errors: kInput for a folder or disk
  // that cannot hold them; the failure of an engine is that of all in outcome().
  Status Build(Log& log);
  // The first failure, naming how many there are.
  Status Outcome() const;
  // Those that are there, and those that are not.
  const Engines& engines() const { return engines_; }
  const std::vector<FailedEngine>& failed() const { return failed_; }

  // The INT8 plan by the times of both engines, where one was asked for. Errors: see ChooseByTime.
  Result<ChosenPlan> Choose(Log& log);
  // Runs the engines and writes the results.
  Measured Measure(Log& log);

  const engine::Builder& builder() const { return builder_; }
  const engine::Board& board() const { return board_; }

 private:
  explicit EngineJob(EngineJobRequest request) : request_(std::move(request)) {}
  Status CheckBeforeWork();
  Reference* reference() { return reference_ ? &*reference_ : nullptr; }

  EngineJobRequest request_;
  engine::Builder builder_;
  engine::Board board_;
  Engines planned_, engines_;
  std::vector<FailedEngine> failed_;
  std::optional<Reference> reference_;
  Json estimate_;
};

}  // namespace vlaq::deployment
