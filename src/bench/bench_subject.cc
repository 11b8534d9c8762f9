#include "bench/bench_subject.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "bench/schedule_parts.h"
#include "bench/serve.h"
#include "engine/find.h"

namespace vlaq::bench {
namespace {

// A worker without a process of its own.
class LocalWorker : public harness::WorkerChannel {
 public:
  explicit LocalWorker(const ServeOptions& options) : worker_(options) {}
  Result<std::string> Ask(const std::string& question, double /*timeout_s*/) override {
    return worker_.Answer(question);
  }
  int pid() const override { return ::getpid(); }

 private:
  Worker worker_;
};

Status AddFile(const std::filesystem::path& path, harness::SubjectResult& result) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord file, bundle::Describe(path));
  result.files.push_back({file.file, file.bytes, file.sha256});
  result.size_bytes += file.bytes;
  return {};
}

}  // namespace

Status CheckSchedule(const bundle::Bundle& bundle, const std::string& schedule) {
  const policy::Policy& policy = bundle.policy;
  if (schedule.empty() || policy.schedules.count(schedule) > 0) return {};
  std::vector<std::string> there;
  for (const auto& one : policy.schedules) there.push_back(one.first);
  return UsageError(fmt::format("{}: the policy has no schedule '{}'", bundle.path.string(), schedule),
                    fmt::format("there are: {}; without a name in front it is '{}'", fmt::join(there, ", "),
                                policy.default_schedule));
}

Result<BenchSubject> BundleSubject(const std::string& name, bundle::Bundle bundle, const std::string& schedule,
                                   const backend::Backend& backend, const backend::OpenOptions& options) {
  VLAQ_RETURN_IF_ERROR(CheckSchedule(bundle, schedule));
  BenchSubject subject;
  subject.name = subject.text = name;
  subject.kind = "bundle";
  subject.path = bundle.path.string();
  subject.mode = schedule.empty() ? bundle.policy.default_schedule : schedule;
  subject.own_worker = true;
  subject.one_robot = KeepsWhatItMakes(bundle.policy, schedule);
  subject.schedule = schedule;
  const ServeOptions serve{Kind::kBundle, schedule, bundle.path, &backend, options};
  subject.bundle = std::move(bundle);
  subject.start = [name, serve](const harness::WorkerSettings& settings) {
    return harness::WorkerSubject::Start(name, std::make_unique<LocalWorker>(serve), settings);
  };
  return subject;
}

Result<std::unique_ptr<harness::WorkerSubject>> StartNull(const harness::WorkerSettings& settings) {
  ServeOptions serve;
  serve.kind = Kind::kNull;
  return harness::WorkerSubject::Start("null", std::make_unique<LocalWorker>(serve), settings);
}

Result<harness::SubjectResult> DescribeSubject(const BenchSubject& subject, const std::filesystem::path& engines) {
  harness::SubjectResult result;
  result.spec = subject.text;
  result.kind = subject.kind;
  result.own_worker = subject.own_worker;
  result.mode = subject.mode;
  result.path = subject.path;
  if (!subject.bundle) {
    if (!subject.path.empty()) VLAQ_RETURN_IF_ERROR(AddFile(subject.path, result));
    return result;
  }
  const bundle::Bundle& bundle = *subject.bundle;
  const auto add = [&result](const bundle::FileRecord& file) {
    result.files.push_back({file.file, file.bytes, file.sha256});
    result.size_bytes += file.bytes;
  };
  const ScheduleParts parts = PartsOf(bundle.policy, subject.schedule);
  if (engines.empty() && !bundle.weights.file.empty()) add(bundle.weights);
  for (const auto& [graph, file] : bundle.graphs) {
    if (parts.parts.count(graph) == 0) continue;
    if (engines.empty()) {
      add(file);
      continue;
    }
    VLAQ_ASSIGN_OR_RETURN(const engine::FoundEngine found, engine::FindEngine(bundle, graph, engines));
    add({found.file.filename().string(), found.record.engine_bytes, found.record.engine_sha256});
  }
  return result;
}

}  // namespace vlaq::bench
