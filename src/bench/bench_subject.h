// Who takes part in a benchmark: what it is, what it is made of, and how its worker is started.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "backend/backend.h"
#include "base/status.h"
#include "bench/harness/results.h"
#include "bench/harness/worker.h"
#include "bundle/bundle.h"

namespace vlaq::bench {

struct BenchSubject {
  std::string name;         // unique among those of a benchmark
  std::string text;         // as it was asked for
  std::string kind;         // "bundle", "onnx", "torch", "cmd"
  std::string path;         // of a bundle, a graph, a checkpoint; or empty
  std::string mode;         // how it runs, for people; of a bundle its schedule
  bool own_worker = false;  // vlaq answers: its clock is the one here
  bool one_robot = false;   // it keeps what it made in earlier steps, and takes no batch
  std::optional<bundle::Bundle> bundle;
  std::string schedule;  // of a bundle; empty: the default one
  // Starts its worker. Errors: kBackend, kInput with the subject's name.
  std::function<Result<std::unique_ptr<harness::WorkerSubject>>(const harness::WorkerSettings& settings)> start;
};

// A bundle that runs in this process: nothing that it takes (threads, memory) can be told from the caller's own.
// `backend` outlives it. Errors: kUsage for a schedule that the policy has not.
Result<BenchSubject> BundleSubject(const std::string& name, bundle::Bundle bundle, const std::string& schedule,
                                   const backend::Backend& backend, const backend::OpenOptions& options);

// The schedule that a subject of a bundle runs. Errors: kUsage naming those that there are.
Status CheckSchedule(const bundle::Bundle& bundle, const std::string& schedule);

// Does nothing, in this process: what asking costs.
Result<std::unique_ptr<harness::WorkerSubject>> StartNull(const harness::WorkerSettings& settings);

// What results say of it before it runs: its files with their hashes, and what it takes on disk. `engines`: the folder
// of the TensorRT engines that run in place of its graphs; or empty. Errors: kInput.
Result<harness::SubjectResult> DescribeSubject(const BenchSubject& subject, const std::filesystem::path& engines);

}  // namespace vlaq::bench
