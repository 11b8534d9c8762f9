// What `vlaq build` was asked, and the parts of it.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/verb.h"
#include "engine/build.h"
#include "measuring/windows.h"
#include "policy/value_shapes.h"

namespace vlaq::cli {

struct BuildArguments {
  std::vector<std::string> bundles, precisions, parts, frames;
  std::filesystem::path engine_dir, plan_output, reference, estimate;
  std::string trtexec, tensorrt;
  uint64_t workspace = 0;  // bytes
  uint64_t samples = 64;   // windows at most
  double timeout_s = 3 * 3600, seconds = 10, least_gain = 0.05, max_difference = 0;
  bool dry_run = false, choose = false, measure = false, force = false, json = false;
  BackendChoice backend;  // of the reference
};

struct NamedEngine {
  engine::EnginePlan plan;
  engine::BuiltEngine built;
};

// Whether it makes the policy's actions by itself, as a schedule that runs nothing else has it.
bool MakesActions(const NamedEngine& engine);

// Adds what `all` does not say yet: reasons of several engines as one list.
void AddNew(const std::vector<std::string>& reasons, std::vector<std::string>& all);

// ---- the fp32 policy that an engine's actions are held against (build_reference.cc) ----

class Reference {
 public:
  // Everything that can fail before hours of building does: the bundle, the frames, and both graphs are opened once.
  // Errors: kInput, kBackend.
  static Result<Reference> Open(const BuildArguments& a, const std::vector<bundle::Bundle>& engines_of);

  // The mean absolute difference of the actions, over all windows. The fp32 policy runs at the first call, an engine
  // once. Errors: kBackend, kInput.
  Result<double> Difference(const NamedEngine& engine, const engine::Builder& builder, double timeout_s, Log& log);
  // What was compared, for the results.
  Json ToJson() const;

 private:
  Reference(bundle::Bundle bundle, measuring::Windows windows, std::unique_ptr<backend::Backend> backend,
            backend::OpenOptions options)
      : bundle_(std::move(bundle)),
        windows_(std::move(windows)),
        backend_(std::move(backend)),
        options_(std::move(options)) {}
  Result<double> Compare(const NamedEngine& engine, const engine::Builder& builder, double timeout_s, Log& log);

  bundle::Bundle bundle_;
  measuring::Windows windows_;
  std::unique_ptr<backend::Backend> backend_;
  backend::OpenOptions options_;
  std::vector<float> actions_;  // empty until they are asked for
  std::map<std::filesystem::path, Result<double>> known_;
};

// ---- jetson_tensorrt_results.json (build_results.cc) ----

// "fp16", "int8_GRAPH": an engine's key in the file; without a graph where it makes the actions alone.
std::string ResultName(const NamedEngine& engine);

// What a file of results that is there holds.
struct EarlierResults {
  bool ours = false;                 // a file that vlaq wrote
  bool measured = false;             // anything in it is called measured
  std::vector<std::string> engines;  // those whose figures are
};
// Nothing if there is no file. One that cannot be read is nobody's.
std::optional<EarlierResults> ReadEarlierResults(const std::filesystem::path& path);
// Before the work: whether results of these engines may be written there. Measured figures never give way to none, and
// to those of fewer engines only with --force; so does a file that is not ours. `why_not`: why nothing that this
// machine says is a measurement. Errors: kUsage; kUnstable if it can measure nothing.
Status CheckEarlierResults(const std::filesystem::path& path, const std::vector<std::string>& engines,
                           const std::vector<std::string>& why_not, bool force);
// After it: whether the file that is there stays, because these engines' figures do not make up for it.
bool EarlierResultsStay(const std::optional<EarlierResults>& earlier, const std::vector<std::string>& measured,
                        bool force);

std::filesystem::path ResultsPath(const BuildArguments& a);
// --estimate, as it stands in the results. Errors: kInput.
Result<Json> ReadEstimate(const std::filesystem::path& path);

// Runs every engine and writes what could be found out, even where some of it failed; the first failure is returned
// then. `reference` and `estimate` may be null. Errors: kBackend, kInput; kUnstable if not all of it is measured, with
// the reasons.
Status WriteEngineResults(const BuildArguments& a, const std::vector<NamedEngine>& engines,
                          const engine::Builder& builder, const engine::Board& board, Reference* reference,
                          const Json& estimate, Context& context);

// ---- INT8 or FP16 (build_choose.cc) ----

// Before anything is built: both engines will be there, the plan can be read and the new one written. Errors: kUsage,
// kInput.
Status CheckChoice(const BuildArguments& a, const std::vector<NamedEngine>& engines);
// The INT8 plan, edited by the times of both engines, to a.plan_output.
Status ChooseByTime(const BuildArguments& a, const std::vector<NamedEngine>& engines, const engine::Builder& builder,
                    Reference* reference, Context& context);

}  // namespace vlaq::cli
