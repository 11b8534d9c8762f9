// Subjects of `bench`: what the words mean, how each is started.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/run_program.h"
#include "bench/schedule_parts.h"
#include "cli/bench_arguments.h"
#include "cli/torch_python.h"
#include "policy/value_shapes.h"

namespace vlaq::cli {
namespace {

namespace fs = std::filesystem;
using bench::BenchSubject;

struct KindRow {
  std::string_view name;
  bool streaming;  // one new frame a step
  bool torch;
  std::string_view options;  // for the worker
};
constexpr std::array kKinds{
    KindRow{"bundle", false, false, "bundle"},
    KindRow{"onnx", false, false, "onnx"},
    KindRow{"torch", false, true, ""},
    KindRow{"torch-streaming", true, true, "--streaming"},
    KindRow{"torch-compile", false, true, "--compile"},
    KindRow{"torch-compile-streaming", true, true, "--compile --streaming"},
    KindRow{"cmd", false, false, ""},
    KindRow{"null", false, false, "null"},
};

const KindRow* FindKind(std::string_view name) {
  for (const KindRow& row : kKinds) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

Status TakeBundle(const std::string& path, const std::string& schedule, BenchSubject& subject) {
  VLAQ_ASSIGN_OR_RETURN(subject.bundle, bundle::Open(path));
  VLAQ_RETURN_IF_ERROR(bench::CheckSchedule(*subject.bundle, schedule));
  const policy::Policy& policy = subject.bundle->policy;
  subject.schedule = schedule;
  subject.mode = schedule.empty() ? policy.default_schedule : schedule;
  subject.one_robot = bench::KeepsWhatItMakes(policy, schedule);
  return {};
}

Result<BenchSubject> ReadSubject(const std::string& text) {
  BenchSubject subject;
  subject.text = text;
  std::string rest = text;
  const size_t equals = rest.find('=');
  // Paths and commands may hold '=' too: a name is a word before it without '/', ':' or blanks that are not its own.
  if (equals != std::string::npos && rest.find_first_of("/:") > equals) {
    subject.name = rest.substr(0, equals);
    rest = rest.substr(equals + 1);
  }
  const size_t colon = rest.find(':');
  const std::string front = colon == std::string::npos ? "" : rest.substr(0, colon);
  const KindRow* kind = colon == std::string::npos ? nullptr : FindKind(front);
  std::string schedule;
  if (kind != nullptr) {
    rest = rest.substr(colon + 1);
  } else if (colon != std::string::npos && !fs::exists(rest)) {
    if (!bundle::IsBundle(rest.substr(colon + 1))) {
      return UsageError(
          fmt::format("'{}' is no kind of subject, and no schedule of a bundle '{}'", front, rest.substr(colon + 1)),
          fmt::format("there are SCHEDULE:BUNDLE, {}", fmt::join(SubjectKinds(), ", ")));
    }
    schedule = front;
    rest = rest.substr(colon + 1);
  }
  if (kind == nullptr) kind = FindKind(schedule.empty() && rest.ends_with(".onnx") ? "onnx" : "bundle");
  subject.kind = kind->name;
  subject.path = kind->name == "cmd" ? "" : rest;
  subject.own_worker = kind->name == "bundle" || kind->name == "onnx" || kind->name == "null";
  subject.one_robot = kind->streaming;
  if (kind->name == "bundle") VLAQ_RETURN_IF_ERROR(TakeBundle(rest, schedule, subject));
  const bool file = kind->torch || kind->name == "onnx";
  if (file && !fs::exists(rest)) return InputError(rest, "does not exist");
  return subject;
}

// What a table has room for: "policy" of "/tmp/policy/", "SCHEDULE:policy" of "SCHEDULE:/tmp/policy".
std::string ShortName(const BenchSubject& subject) {
  if (subject.path.empty()) return subject.text;
  std::error_code ignored;
  fs::path path = fs::absolute(subject.path, ignored).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const std::string base = path.filename().string();
  return subject.text == subject.path ? base : subject.text.substr(0, subject.text.find(':') + 1) + base;
}

// Those that were given none; one that two subjects would share is what was typed.
void GiveNames(std::vector<BenchSubject>& subjects) {
  std::vector<std::string> names;
  for (const BenchSubject& s : subjects) names.push_back(s.name.empty() ? ShortName(s) : s.name);
  for (size_t i = 0; i < subjects.size(); ++i) {
    if (!subjects[i].name.empty()) continue;
    subjects[i].name = std::ranges::count(names, names[i]) == 1 ? names[i] : subjects[i].text;
  }
}

const bundle::Bundle* FirstBundle(const std::vector<BenchSubject>& all) {
  for (const BenchSubject& subject : all) {
    if (subject.bundle) return &*subject.bundle;
  }
  return nullptr;
}

// How others than bundles run, in the words of the first bundle's schedules.
std::string ModeOf(const KindRow& kind, const bundle::Bundle* first) {
  if (kind.streaming || first == nullptr) return kind.streaming ? "streaming" : "";
  const std::string alone = policy::GraphAlone(first->policy);
  return alone.empty() ? "" : policy::ScheduleOfGraphAlone(first->policy, alone);
}

Result<std::string> TorchCommand(const BenchSubject& subject, const bundle::Bundle* policy, const KindRow& kind) {
  if (policy == nullptr) {
    return UsageError(fmt::format("'{}' is a checkpoint, which does not say all of what its policy is", subject.text),
                      "name a bundle of it, too: its policy.json says so");
  }
  VLAQ_ASSIGN_OR_RETURN(const TorchTools torch, RequireTorch(subject.text));
  return fmt::format("{} {} {} {} {}", ShellWord(torch.python.string()),
                     ShellWord((torch.folder / "torch_worker.py").string()), ShellWord(subject.path),
                     ShellWord((policy->path / bundle::kPolicyFile).string()), kind.options);
}

// The shell command that starts its worker. Errors: kBackend if PyTorch's environment is not there; kUsage if a
// checkpoint is given without a bundle that says which policy it is.
Result<std::string> WorkerCommand(const BenchSubject& subject, const bundle::Bundle* first,
                                  const BackendChoice& backend) {
  const KindRow& kind = *FindKind(subject.kind);
  if (kind.name == "cmd") return subject.text.substr(subject.text.find("cmd:") + 4);
  if (kind.torch) return TorchCommand(subject, first, kind);
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) {
    return Error{ErrorCode::kBackend, "cannot be read: " + error.message(), "/proc/self/exe",
                 "workers are this program once more, which is found by /proc: mount it"};
  }
  std::string command = fmt::format("{} bench worker {}", ShellWord(self.string()), kind.options);
  if (!subject.path.empty()) command += " " + ShellWord(subject.path);
  if (!subject.schedule.empty()) command += " --schedule " + ShellWord(subject.schedule);
  command += backend.CommandLine();
  return command;
}

// Starts the program anew for each run.
decltype(BenchSubject::start) Starter(const BenchSubject& subject, const bundle::Bundle* first,
                                      const BackendChoice& backend) {
  const auto command = WorkerCommand(subject, first, backend);
  return [name = subject.name,
          command](const harness::WorkerSettings& settings) -> Result<std::unique_ptr<harness::WorkerSubject>> {
    if (!command.ok()) return command.error();
    return harness::WorkerSubject::Start(name, *command, settings, settings.timeout_s);
  };
}

}  // namespace

std::vector<std::string> SubjectKinds() {
  std::vector<std::string> names;
  for (const KindRow& row : kKinds) names.emplace_back(row.name);
  return names;
}

std::string KindText(const BenchSubject& subject) { return subject.schedule.empty() ? subject.kind : subject.schedule; }

Result<std::vector<BenchSubject>> ReadSubjects(const std::vector<std::string>& texts, const BackendChoice& backend) {
  std::vector<BenchSubject> subjects;
  for (const std::string& text : texts) {
    VLAQ_ASSIGN_OR_RETURN(BenchSubject subject, ReadSubject(text));
    subjects.push_back(std::move(subject));
  }
  GiveNames(subjects);
  std::set<std::string> names;
  for (const BenchSubject& subject : subjects) {
    if (names.insert(subject.name).second) continue;
    return UsageError(fmt::format("two subjects are called '{}'", subject.name), "name them: NAME=SUBJECT");
  }
  const bundle::Bundle* first = FirstBundle(subjects);
  for (BenchSubject& subject : subjects) {
    const KindRow& kind = *FindKind(subject.kind);
    if (!subject.bundle) subject.mode = ModeOf(kind, first);
    subject.start = Starter(subject, first, backend);
  }
  return subjects;
}

decltype(BenchSubject::start) NullStarter(const BackendChoice& backend) {
  BenchSubject null;
  null.name = null.text = null.kind = "null";
  return Starter(null, nullptr, backend);
}

}  // namespace vlaq::cli
