// How long `vlaq robot` takes to stand still after a fault, and whether it stays so until its operator says resume.
//   vlaq_fault_bench VLAQ WORK [--trials N] [--slow-trials N] [--only NAME] [--untimed]
// Prints a table and writes WORK/robot_faults.json. Exit code 1 if a row fails, 77 without DDS. --untimed fails no row
// for what a busy machine may cause: a stop that comes late, or one for a fault that needs none.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>

#include "base/json.h"
#include "base/machine.h"
#include "base/output.h"
#include "base/statistics.h"
#include "base/text.h"
#include "ros2/node.h"
#include "subject.h"
#include "trial.h"

namespace vlaq::faults {
namespace {

struct Arguments {
  std::string vlaq, work, only;
  int trials = 20, slow_trials = 10;
  bool untimed = false;
};

Result<Arguments> Parse(std::span<char*> words) {
  if (words.size() < 3) return UsageError("VLAQ and WORK are needed", "see the head of fault_bench.cc");
  Arguments a;
  a.vlaq = std::filesystem::absolute(words[1]).string();
  a.work = std::filesystem::absolute(words[2]).string();
  for (size_t i = 3; i < words.size(); ++i) {
    const std::string word = words[i];
    const char* value = i + 1 < words.size() ? words[i + 1] : "";
    if (word == "--untimed") {
      a.untimed = true;
      continue;
    }
    ++i;
    if (word == "--trials") {
      a.trials = std::max(1, std::atoi(value));
    } else if (word == "--slow-trials") {
      a.slow_trials = std::max(1, std::atoi(value));
    } else if (word == "--only") {
      a.only = value;
    } else {
      return UsageError("no option: " + word, "--trials, --slow-trials, --only, --untimed");
    }
  }
  return a;
}

struct Judged {
  std::vector<double> times;  // ms, ascending
  size_t stopped = 0, moved_by_itself = 0, runs_again = 0;
  std::string fails;  // why; empty: it passes
};

Judged Judge(const Row& row, const std::vector<Trial>& trials, bool untimed) {
  Judged judged;
  for (const Trial& trial : trials) {
    if (!std::isnan(trial.stopped_ms)) judged.times.push_back(trial.stopped_ms);
    judged.stopped += trial.stopped ? 1 : 0;
    judged.moved_by_itself += trial.moved_by_itself ? 1 : 0;
    judged.runs_again += trial.runs_again ? 1 : 0;
    if (!trial.problem.empty()) judged.fails = trial.problem;
  }
  std::ranges::sort(judged.times);
  const double limit = row.limit_ms + kTickMs + kSlackMs;
  if (!judged.fails.empty()) return judged;
  if (row.expected == Expected::kStops && judged.stopped < trials.size()) judged.fails = "it did not stop";
  if (!untimed && row.expected == Expected::kGoesOn && judged.stopped > 0) judged.fails = "it stopped";
  if (!untimed && row.expected == Expected::kStops && !judged.times.empty() && judged.times.back() > limit)
    judged.fails = fmt::format("{:.0f} ms are more than {:.0f}", judged.times.back(), limit);
  if (judged.moved_by_itself > 0) judged.fails = "it moved again by itself";
  if (!row.ends && judged.runs_again < trials.size()) judged.fails = "it did not run again";
  return judged;
}

std::string StateOf(const Row& row, const Judged& judged, size_t trials) {
  if (judged.stopped == 0) return "RUN";
  return judged.stopped == trials ? row.state : fmt::format("{} in {} of {}", row.state, judged.stopped, trials);
}

std::string ResumesOf(const Row& row, const Judged& judged) {
  if (row.ends || judged.stopped == 0) return "-";
  return judged.moved_by_itself == 0 ? "yes" : "NO";
}

struct Report {
  TextTable table{{"fault", "trials", "limit ms", "p50 ms", "max ms", "state", "by operator only", ""}};
  Json rows = Json::array();
  bool passed = true;

  void Add(const Row& row, const std::vector<Trial>& trials, bool untimed) {
    const Judged judged = Judge(row, trials, untimed);
    passed = passed && judged.fails.empty();
    const bool timed = !judged.times.empty();
    const double p50 = timed ? Quantile(judged.times, 0.5) : std::nan("");
    const double max = timed ? judged.times.back() : std::nan("");
    const bool limited = row.expected == Expected::kStops;
    const auto number = [](double value) { return std::isnan(value) ? "-" : fmt::format("{:.0f}", value); };
    table.AddRow({row.name, std::to_string(trials.size()), limited ? number(row.limit_ms + kTickMs) : "-", number(p50),
                  number(max), StateOf(row, judged, trials.size()), ResumesOf(row, judged),
                  judged.fails.empty() ? "PASS" : "FAIL"});
    Json times = Json::array();
    for (const double time : judged.times) times.push_back(time);
    rows.push_back({{"name", row.name},
                    {"injected", row.injected},
                    {"trials", trials.size()},
                    {"limit_ms", limited ? Json(row.limit_ms + kTickMs) : Json()},
                    {"p50_ms", p50},  // null if it is none
                    {"max_ms", max},
                    {"stopped_ms", std::move(times)},
                    {"stopped", judged.stopped},
                    {"state", StateOf(row, judged, trials.size())},
                    {"moved_by_itself", judged.moved_by_itself},
                    {"runs_again", judged.runs_again},
                    {"passed", judged.fails.empty()},
                    {"fails", judged.fails}});
    std::fputs(fmt::format("{}: {}\n", row.name, judged.fails.empty() ? "PASS" : "FAIL: " + judged.fails).c_str(),
               stderr);
  }
};

Result<bool> Run(const Arguments& a) {
  VLAQ_RETURN_IF_ERROR(MakeFolder(a.work));
  VLAQ_RETURN_IF_ERROR(PrepareSubject(a.vlaq, a.work));
  std::vector<RunnableRow> rows = ProgramRows(a.vlaq, a.work, 10 + static_cast<int>(::getpid() % 90));
  for (RunnableRow& row : LoopRows()) rows.push_back(std::move(row));
  Report report;
  for (const RunnableRow& row : rows) {
    if (!a.only.empty() && row.row.name != a.only) continue;
    VLAQ_ASSIGN_OR_RETURN(const auto trials, row.run(row.row, row.row.slow ? a.slow_trials : a.trials));
    report.Add(row.row, trials, a.untimed);
  }
  if (report.rows.empty()) return UsageError("no row has the name " + a.only, "");
  std::fputs(report.table.ToString().c_str(), stdout);
  const Machine machine = ThisMachine();
  const Json json{
      {"schema", "vlaq.robot_faults/1"},
      {"machine", {{"cpu", machine.cpu}, {"architecture", machine.architecture}, {"threads", machine.threads}}},
      {"kernel", machine.kernel},
      {"tick_ms", kTickMs},
      {"slack_ms", kSlackMs},
      {"rows", report.rows}};
  VLAQ_RETURN_IF_ERROR(WriteFile(a.work + "/robot_faults.json", json.dump(2) + "\n", Existing::kReplace));
  return report.passed;
}

int Main(std::span<char*> words) {
  if (const auto missing = ros2::Node::Unavailable()) {
    std::puts(missing->c_str());
    return 77;
  }
  const auto arguments = Parse(words);
  const Result<bool> passed = arguments.ok() ? Run(*arguments) : Result<bool>(arguments.error());
  if (passed.ok()) return *passed ? 0 : 1;
  std::fputs((passed.error().ToString() + "\n").c_str(), stderr);
  return 2;
}

}  // namespace
}  // namespace vlaq::faults

int main(int argc, char** argv) { return vlaq::faults::Main(std::span(argv, static_cast<size_t>(argc))); }
