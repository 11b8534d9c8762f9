// Subjects of `bench`: what the words mean, how each is started, what it weighs.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/run_program.h"
#include "cli/bench_arguments.h"
#include "cli/torch_python.h"
#include "engine/find.h"
#include "measuring/schedule_parts.h"
#include "measuring/serve.h"

namespace vlaq::cli {
namespace {

namespace fs = std::filesystem;

struct KindRow {
  std::string_view name;
  bool bundle;     // WHAT is a bundle
  bool streaming;  // one new frame a step
  bool torch;
  bool own;                  // this program is the worker
  std::string_view options;  // for the worker
};
constexpr std::array kKinds{
    KindRow{"bundle", true, true, false, true, "streaming"},
    KindRow{"whole", true, false, false, true, "whole"},
    KindRow{"onnx", false, false, false, true, "onnx"},
    KindRow{"torch", false, false, true, false, ""},
    KindRow{"torch-streaming", false, true, true, false, "--streaming"},
    KindRow{"torch-compile", false, false, true, false, "--compile"},
    KindRow{"torch-compile-streaming", false, true, true, false, "--compile --streaming"},
    KindRow{"cmd", false, false, false, false, ""},
    KindRow{"null", false, false, false, true, "null"},
};

const KindRow* FindKind(std::string_view name) {
  for (const KindRow& row : kKinds) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

Result<SubjectSpec> ReadSubject(const std::string& text) {
  SubjectSpec subject;
  subject.text = text;
  std::string rest = text;
  const size_t equals = rest.find('=');
  // Paths and commands may hold '=' too: a name is a word before it without '/', ':' or blanks that are not its own.
  if (equals != std::string::npos && rest.find_first_of("/:") > equals) {
    subject.name = rest.substr(0, equals);
    rest = rest.substr(equals + 1);
  }
  const size_t colon = rest.find(':');
  const KindRow* kind = colon == std::string::npos ? nullptr : FindKind(rest.substr(0, colon));
  if (colon != std::string::npos && kind == nullptr && !fs::exists(rest)) {
    return UsageError(fmt::format("'{}' is no kind of subject", rest.substr(0, colon)),
                      fmt::format("there are {}", fmt::join(SubjectKinds(), ", ")));
  }
  if (kind != nullptr) rest = rest.substr(colon + 1);
  if (kind == nullptr) kind = FindKind(rest.ends_with(".onnx") ? "onnx" : "bundle");
  subject.kind = kind->name;
  subject.what = rest;
  subject.streaming = kind->streaming;
  if (kind->bundle) {
    VLAQ_ASSIGN_OR_RETURN(subject.bundle, bundle::Open(rest));
  }
  if (subject.bundle && subject.bundle->policy.schedules.count(ScheduleOf(subject)) == 0 &&
      !ScheduleOf(subject).empty()) {
    std::vector<std::string> there;
    for (const auto& schedule : subject.bundle->policy.schedules) there.push_back(schedule.first);
    return UsageError(fmt::format("{}: the policy has no schedule '{}'", text, ScheduleOf(subject)),
                      fmt::format("there are: {}; without a kind it is '{}'", fmt::join(there, ", "),
                                  subject.bundle->policy.default_schedule));
  }
  const bool file = kind->torch || kind->name == "onnx";
  if (file && !fs::exists(rest)) return InputError(rest, "does not exist");
  return subject;
}

// What a table has room for: "policy" of "/tmp/policy/", "whole:policy" of "whole:/tmp/policy".
std::string ShortName(const SubjectSpec& subject) {
  if (subject.kind == "cmd" || subject.what.empty()) return subject.text;
  std::error_code ignored;
  fs::path path = fs::absolute(subject.what, ignored).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const std::string base = path.filename().string();
  return subject.text == subject.what ? base : subject.text.substr(0, subject.text.find(':') + 1) + base;
}

// Those that were given none; one that two subjects would share is what was typed.
void GiveNames(std::vector<SubjectSpec>& subjects) {
  std::vector<std::string> names;
  for (const SubjectSpec& s : subjects) names.push_back(s.name.empty() ? ShortName(s) : s.name);
  for (size_t i = 0; i < subjects.size(); ++i) {
    if (!subjects[i].name.empty()) continue;
    subjects[i].name = std::ranges::count(names, names[i]) == 1 ? names[i] : subjects[i].text;
  }
}

const SubjectSpec* FirstBundle(const std::vector<SubjectSpec>& all) {
  for (const SubjectSpec& subject : all) {
    if (subject.bundle) return &subject;
  }
  return nullptr;
}

Result<std::string> TorchCommand(const SubjectSpec& subject, const std::vector<SubjectSpec>& all, const KindRow& kind) {
  const SubjectSpec* policy = FirstBundle(all);
  if (policy == nullptr) {
    return UsageError(
        fmt::format("'{}' is a checkpoint, which does not say its prompt, window and feature", subject.text),
        "name a bundle of it, too: its policy.json says so");
  }
  VLAQ_ASSIGN_OR_RETURN(const TorchTools torch, RequireTorch(subject.text));
  return fmt::format("{} {} {} {} {}", ShellWord(torch.python.string()),
                     ShellWord((torch.folder / "torch_worker.py").string()), ShellWord(subject.what),
                     ShellWord((policy->bundle->path / bundle::kPolicyFile).string()), kind.options);
}

Status AddFile(const fs::path& path, benchmark::SubjectResult& result) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord file, bundle::Describe(path));
  result.files.push_back({file.file, file.bytes, file.sha256});
  result.size_bytes += file.bytes;
  return {};
}

}  // namespace

std::string_view ScheduleOf(const SubjectSpec& subject) {
  return subject.kind == "whole" ? measuring::kWholeSchedule : std::string_view();
}

std::vector<std::string> SubjectKinds() {
  std::vector<std::string> names;
  for (const KindRow& row : kKinds) names.emplace_back(row.name);
  return names;
}

Result<std::vector<SubjectSpec>> ReadSubjects(const std::vector<std::string>& texts) {
  std::vector<SubjectSpec> subjects;
  for (const std::string& text : texts) {
    VLAQ_ASSIGN_OR_RETURN(SubjectSpec subject, ReadSubject(text));
    subjects.push_back(std::move(subject));
  }
  GiveNames(subjects);
  std::set<std::string> names;
  for (const SubjectSpec& subject : subjects) {
    if (names.insert(subject.name).second) continue;
    return UsageError(fmt::format("two subjects are called '{}'", subject.name), "name them: NAME=SUBJECT");
  }
  return subjects;
}

Result<std::string> WorkerCommand(const SubjectSpec& subject, const std::vector<SubjectSpec>& all,
                                  const BackendChoice& backend) {
  const KindRow& kind = *FindKind(subject.kind);
  if (subject.kind == "cmd") return subject.what;
  if (kind.torch) return TorchCommand(subject, all, kind);
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) return InternalError("/proc/self/exe", "cannot be read: " + error.message());
  std::string command = fmt::format("{} bench worker {}", ShellWord(self.string()), kind.options);
  if (!subject.what.empty()) command += " " + ShellWord(subject.what);
  command += backend.CommandLine();
  return command;
}

Status DescribeFiles(const SubjectSpec& subject, const fs::path& engines, benchmark::SubjectResult& result) {
  result.spec = subject.text;
  result.kind = subject.kind;
  result.own_worker = FindKind(subject.kind)->own;
  result.mode = subject.streaming ? "streaming" : "whole";
  result.path = subject.kind == "cmd" ? "" : subject.what;
  if (!subject.bundle) {
    return subject.kind == "cmd" || subject.kind == "null" ? Status{} : AddFile(subject.what, result);
  }
  const bundle::Bundle& bundle = *subject.bundle;
  const auto add = [&result](const bundle::FileRecord& file) {
    result.files.push_back({file.file, file.bytes, file.sha256});
    result.size_bytes += file.bytes;
  };
  const std::string_view schedule = ScheduleOf(subject);
  result.mode = schedule.empty() ? bundle.policy.default_schedule : schedule;
  const measuring::ScheduleParts parts = measuring::PartsOf(bundle.policy, schedule);
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
  return {};
}

}  // namespace vlaq::cli
