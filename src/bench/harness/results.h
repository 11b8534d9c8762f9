// What was measured, whole: every raw sample with its settings, the machine, summaries and verdicts. Plain data; the
// document vlaq.results/1 (docs/benchmarks.md). Summaries can be made again from the samples alone (summary.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "bench/harness/statistics.h"
#include "bench/harness/subject.h"

namespace vlaq::harness {

inline constexpr std::string_view kResultsSchema = "vlaq.results/1";

// The unit of actions that the network gives between -1 and 1.
inline constexpr std::string_view kNormalizedAction = "normalized action";

// How a subject is loaded with work.
enum class Protocol {
  kPublished,  // 5 runs to warm up, 20 timed, the mean: as the published table was made
  kServing,    // the next step when the last is done, until the percentiles that are asked for can be claimed
  kControl,    // a new frame every period, as in a robot
};
std::string_view ProtocolName(Protocol protocol);
std::optional<Protocol> FindProtocol(std::string_view name);
std::vector<std::string> ProtocolNames();

struct Settings {
  Protocol protocol = Protocol::kServing;
  int threads = 1;
  int64_t batch = 1, window = 8;
  uint64_t seed = 1;
  int64_t warm_up_ns = 200'000'000;
  int warm_up_runs = 10;
  int64_t least_ns = 3'000'000'000;    // of each subject, serving
  int64_t budget_ns = 60'000'000'000;  // of all subjects together; serving
  int min_rounds = 12;
  int published_runs = 20;
  std::vector<double> percentiles{0.5, 0.9};
  bool percentiles_given = true;  // false: nobody asked for these, and what the runs do not allow is left out
  double confidence = 0.99;
  int64_t period_ns = 400'000'000;       // control
  int64_t duration_ns = 60'000'000'000;  // of each subject, control
  int64_t block_ns = 50'000'000;         // a subject's turn takes about this
  int64_t settle_ns = 20'000'000;        // pause before a turn: threads of the one before spin on for a while
  int frames = 0;                        // distinct inputs
  std::string inputs;                    // what they are, in words
  std::string inputs_sha256;
  std::string span = "model: pixel values in memory to actions";  // what a time is of
  std::string action_unit{kNormalizedAction};                     // of differences of actions
  double max_difference = 0.1;    // of any action from the first subject's, in that unit
  bool difference_given = false;  // the user says what is close enough: no further limit
};

// Steps in the order in which they ran, an element of each vector for each.
struct Samples {
  std::vector<int> round, input;
  std::vector<int64_t> start_ns, wall_ns, cpu_ns;
  // Control only: from the frame to the start of its step; wall_ns then is from the frame to its action. `frame` is the
  // frame's number among all that came due, which are more than the steps where one took longer than the period.
  std::vector<int64_t> late_ns, frame;
  int64_t frames_due = 0;
  int64_t span_ns = 0;  // of all turns: their frames' periods, and what the last step of each took longer

  size_t size() const { return wall_ns.size(); }
  void Add(int in_round, int of_input, int64_t start, int64_t wall, int64_t cpu);
  std::vector<double> Wall() const { return {wall_ns.begin(), wall_ns.end()}; }
  // The median of each round, in order.
  std::vector<double> RoundMedians() const;
};

// What was asked and how long it took by the clock of who asked, in order: an element for each question of a turn.
struct Answers {
  std::vector<int> steps;
  std::vector<int64_t> reported_ns;  // by the subject's own times of these steps
  std::vector<int64_t> wall_ns;      // until the answer was there
};

struct Percentile {
  double p = 0;
  double ns = 0;                  // nearest rank
  std::optional<double> safe_ns;  // nullopt: n allows no claim
  std::string reason;             // why not
};

struct Deadlines {
  int64_t period_ns = 0;
  int64_t of = 0;         // frames that came due
  int64_t missed = 0;     // of these, without an action when the next one came
  int64_t dropped = 0;    // of these, never looked at: a step was still busy with an earlier one
  int64_t latest_ns = 0;  // the longest from a frame to its action
  int64_t jitter_ns = 0;  // p99 of how long after its frame a step began
};

struct Summary {
  size_t n = 0;
  double min_ns = 0, median_ns = 0, mean_ns = 0, stddev_ns = 0, variation = 0;  // variation: of the rounds' medians
  std::vector<Percentile> percentiles;
  // Steps; a batch counts once for each of its items. Of control those that were done in the time that they were given,
  // so no more than frames come; else what one after the other gives.
  double throughput_per_s = 0;
  double cpu_ns_per_run = 0;
  std::optional<double> energy_j_per_run;
  std::optional<Deadlines> deadlines;
};

// From the samples alone. Errors: none; no samples give n = 0.
Summary Summarize(const Samples& samples, const Settings& settings);

enum class State { kValid, kUnstable, kInvalid };
std::string_view StateName(State state);
std::optional<State> FindState(std::string_view name);
std::vector<std::string> StateNames();

struct Finding {
  std::string check;
  State state = State::kValid;
  double value = 0, limit = 0;
  std::string advice;
};

struct Verdict {
  std::vector<Finding> findings;
  State state() const;  // the worst of them
};

// How far a subject's actions are from those of the first, over the inputs that both were asked.
struct OutputDifference {
  std::string against;
  double rms = 0, largest = 0;
  int64_t steps = 0;
  // RMS deviation of the first subject's actions from their own mean: what the frames change in them.
  double spread = 0;
  // rms without what is the same for all frames: how much of that change a subject does not follow. A program that
  // always says the same has just `spread` here.
  double residual = 0;
  // The largest difference of each further output that both have, by name.
  std::map<std::string, double> others = {};
};

struct Quality {
  double mae = 0;  // over recorded episodes
  int64_t steps = 0;
  std::string from;
  std::string unit{kNormalizedAction};
};

struct Roofline {
  double macs = 0, bytes = 0, limit_ns = 0;  // of one step
  bool memory_bound = false;
  double fraction_of_limit = 0;  // limit / median
};

struct FileOf {
  std::string name;
  uint64_t bytes = 0;
  std::string sha256;
};

struct SubjectResult {
  std::string name, spec, kind, mode, path;  // mode: "streaming", "whole"
  bool own_worker = false;                   // it is this program: its clock is the one here
  std::vector<FileOf> files;
  uint64_t size_bytes = 0;
  // Its parameters by those of the first subject; if that does not say its own, of the one that has most.
  std::optional<double> identity;
  Ready ready;
  int64_t first_run_ns = 0;
  Memory memory;  // resident and own: after the runs; peak: over the whole life of the process
  int warm_up_runs = 0;
  int64_t warm_up_ns = 0;
  Samples samples;
  Answers answers;
  Summary summary;
  std::optional<OutputDifference> outputs;
  std::optional<Quality> quality;
  std::vector<OperatorTime> operators;
  std::optional<Roofline> roofline;
  int64_t impossible_claims = 0;  // blocks whose steps took longer than their answer
  Verdict verdict;
};

// Two subjects of one run, round by round.
struct Comparison {
  std::string first, second;
  double ratio = 1;        // time of first / time of second: how many times faster the second is
  Interval interval = {};  // 95 %
  size_t rounds = 0;
  double noise_floor = 0;    // the same figure of a subject against itself
  std::string verdict = {};  // "second faster", "first faster", "no difference shown"
};

struct Harness {
  double call_ns = 0;     // median of a subject that does nothing: clock and call
  double message_ns = 0;  // median of asking it, per block; in no latency
};

struct Peaks {
  struct Rate {
    double macs_per_s = 0;  // 0: not known
    std::string kernel;     // the instructions: "amx_int8"
  };
  int threads = 1;
  Rate fp32, bf16, int8;
  double bytes_per_s = 0;
  int streams = 1;        // places that each thread read at in turn
  double other_load = 0;  // share of the machine that others took meanwhile: then the peaks are higher than these

  // The peak of an arithmetic, by its name; one that has no instructions of its own has float32's.
  double MacsPerSecond(std::string_view arithmetic) const;
};

struct Reading {  // of the machine, at one moment
  int64_t at_ns = 0;
  double load = 0;
  std::optional<double> temperature_c = {}, clock_mhz = {}, energy_j = {}, power_w = {};
  std::optional<int64_t> throttles = {};    // of the processor, counted since boot
  std::optional<int64_t> quota_stops = {};  // of the control group
  double cpu_all_s = 0, cpu_idle_s = 0;     // of all cores since boot
  double own_s = 0;                         // CPU time of this program and its subjects
};

struct MachineState {
  std::string cpu, architecture, kernel;
  std::vector<std::string> features;
  int cores = 1, threads = 1;
  uint64_t memory_bytes = 0;
  std::optional<std::string> governor;
  std::optional<bool> boost;
  std::optional<double> cpu_quota;  // cores
  std::vector<Reading> readings;    // before, between rounds, after
  double other_load = 0;            // share of the machine that neither this program nor its subjects took
  std::optional<bool> throttled;
};

struct Made {
  std::string vlaq, revision, compiler, build_type, time_utc;
  bool assertions = false;
  std::vector<std::string> command;
};

struct SweepPoint {
  int64_t value = 1;
  double median_ns = 0, per_item_ns = 0;
  size_t n = 0;
  State state = State::kValid;
};
struct Sweep {
  std::string axis, subject;  // "threads", "batch"
  std::vector<SweepPoint> points;
};

struct Results {
  Made made;
  MachineState machine;
  Settings settings;
  std::vector<SubjectResult> subjects;
  std::vector<Comparison> comparisons;
  Harness harness;
  std::optional<Peaks> peaks;
  std::vector<Sweep> sweeps;

  // All subjects are valid.
  bool valid() const;
};

Json ToJson(const Results& results);

}  // namespace vlaq::harness
