#include "bench/harness/runner.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/random.h"

namespace vlaq::harness {
namespace {

constexpr int kMaxInBlock = 100;
constexpr size_t kMaxNumbers = 40'000;  // of an answer, which stays below a line's limit
constexpr int kMaxWarmUps = 400;        // of a subject that never settles
constexpr double kStillFalling = 0.05;  // a last quarter so much faster than the one before: not warm yet
constexpr double kSteady = 0.10;        // three windows within this of each other (perf_analyzer's criterion)
constexpr int kPublishedWarmUps = 5;
constexpr int64_t kControlSegment = 10;  // frames of a turn

// The sum of two times, none negative; a program may claim any number.
int64_t AddUpTo(int64_t a, int64_t b) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  return a > kMost - b ? kMost : a + b;
}

// What the first subject says to each frame: its action, and further outputs by name.
struct ReferenceAnswer {
  std::vector<float> action;
  std::map<std::string, std::vector<float>> others;
};
using Reference = std::map<int, ReferenceAnswer>;

double LargestDifference(const std::vector<float>& wanted, const std::vector<float>& got) {
  if (wanted.size() != got.size()) return std::numeric_limits<double>::quiet_NaN();
  double largest = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double size = std::fabs(static_cast<double>(got[i]) - static_cast<double>(wanted[i]));
    largest = std::isnan(size) || size > largest ? size : largest;
  }
  return largest;
}

// RMS deviation of values from the mean of their place, over all places: from sums and sums of squares by place.
double Deviation(const std::vector<double>& sums, const std::vector<double>& squares, double steps) {
  double all = 0;
  for (size_t j = 0; j < sums.size(); ++j) all += squares[j] / steps - (sums[j] / steps) * (sums[j] / steps);
  return std::sqrt(std::max(all / static_cast<double>(sums.size()), 0.0));
}

// How far a subject's actions are from the first subject's, input by input.
class OutputComparison {
 public:
  void Add(const std::vector<float>& wanted, const std::vector<float>& got) {
    ++steps_;
    if (sums_.empty()) sums_ = squares_ = wanted_sums_ = wanted_squares_ = std::vector<double>(wanted.size());
    const bool fits = wanted.size() == got.size();
    for (size_t j = 0; j < wanted.size(); ++j) {
      const auto value = static_cast<double>(wanted[j]);
      const double apart = fits ? static_cast<double>(got[j]) - value : std::numeric_limits<double>::quiet_NaN();
      const double size = std::fabs(apart);
      largest_ = std::isnan(size) || size > largest_ ? size : largest_;
      sums_[j] += apart;
      squares_[j] += apart * apart;
      wanted_sums_[j] += value;
      wanted_squares_[j] += value * value;
    }
  }

  void AddOther(const std::string& name, double apart) {
    double& largest = others_[name];
    if (std::isnan(apart) || apart > largest) largest = apart;
  }

  OutputDifference Result(std::string against) const {
    OutputDifference difference{std::move(against)};
    difference.others = others_;
    if (steps_ == 0) return difference;
    const auto steps = static_cast<double>(steps_);
    difference.steps = steps_;
    difference.largest = largest_;
    difference.rms = std::sqrt(std::accumulate(squares_.begin(), squares_.end(), 0.0) /
                               (steps * static_cast<double>(squares_.size())));
    difference.residual = Deviation(sums_, squares_, steps);
    difference.spread = Deviation(wanted_sums_, wanted_squares_, steps);
    return difference;
  }

 private:
  int64_t steps_ = 0;
  double largest_ = 0;
  std::vector<double> sums_, squares_, wanted_sums_, wanted_squares_;  // by place in the action
  std::map<std::string, double> others_;                               // the largest, by output
};

class Turns {
 public:
  Turns(const std::vector<Subject*>& subjects, const Settings& settings, const Environment& world, Log& log)
      : subjects_(subjects),
        settings_(settings),
        world_(world),
        log_(log),
        at_(subjects.size(), 0),
        outputs_(subjects.size()) {}

  Result<Ran> Run() {
    for (Subject* subject : subjects_) {
      ran_.subjects.emplace_back();
      ran_.subjects.back().name = subject->name();
    }
    for (size_t s = 0; s < subjects_.size(); ++s) VLAQ_RETURN_IF_ERROR(WarmUp(s));
    for (size_t s = 0; s < subjects_.size(); ++s) VLAQ_RETURN_IF_ERROR(FirstPass(s));
    // From here on all is timed: energy and load before belong to no run.
    ran_.readings.push_back(world_.read_machine());
    VLAQ_RETURN_IF_ERROR(settings_.protocol == Protocol::kControl ? Control() : Rounds());
    ran_.readings.push_back(world_.read_machine());
    for (size_t s = 0; s < subjects_.size(); ++s) {
      SubjectResult& result = ran_.subjects[s];
      VLAQ_ASSIGN_OR_RETURN(result.memory, subjects_[s]->MemoryNow());
      result.outputs = outputs_[s].Result(subjects_[0]->name());
    }
    return std::move(ran_);
  }

 private:
  // The next `count` frames of this subject; all subjects are asked the same ones.
  std::vector<int> NextInputs(size_t s, int count) {
    std::vector<int> inputs;
    for (int i = 0; i < count; ++i) inputs.push_back(static_cast<int>(at_[s]++ % settings_.frames));
    return inputs;
  }

  Status WarmUp(size_t s) {
    SubjectResult& result = ran_.subjects[s];
    std::vector<double> times;
    const int least = settings_.protocol == Protocol::kPublished ? kPublishedWarmUps : settings_.warm_up_runs;
    VLAQ_ASSIGN_OR_RETURN(const Block first, subjects_[s]->Run(std::vector<int>{0}, true));
    result.first_run_ns = first.wall_ns[0];
    size_t numbers = first.actions[0].size();
    for (const auto& output : first.outputs) numbers += output.second[0].size();
    most_numbers_ = std::max(most_numbers_, numbers);
    for (int i = 0; i < kMaxWarmUps; ++i) {
      const bool long_enough = settings_.protocol == Protocol::kPublished || result.warm_up_ns >= settings_.warm_up_ns;
      if (i >= least && long_enough && (settings_.protocol == Protocol::kPublished || !StillFalling(times))) break;
      VLAQ_ASSIGN_OR_RETURN(const Block block, subjects_[s]->Run(std::vector<int>{i % settings_.frames}, false));
      times.push_back(static_cast<double>(block.wall_ns[0]));
      result.warm_up_ns = AddUpTo(result.warm_up_ns, block.wall_ns[0]);
      ++result.warm_up_runs;
    }
    medians_.push_back(times.empty() ? static_cast<double>(first.wall_ns[0]) : Median(times));
    log_.Progress("warm-up", s + 1, subjects_.size());
    return {};
  }

  static bool StillFalling(const std::vector<double>& times) {
    const size_t quarter = times.size() / 4;
    if (quarter < 2) return false;
    const auto end = times.end();
    const auto q = static_cast<std::ptrdiff_t>(quarter);
    const double last = Median({end - q, end}), before = Median({end - 2 * q, end - q});
    return last < before * (1 - kStillFalling);
  }

  // As many steps as take about block_ns, for every subject the same, by the slowest.
  int BlockSteps() const {
    if (settings_.protocol == Protocol::kPublished) return 1;
    const double slowest = *std::ranges::max_element(medians_);
    const double steps = static_cast<double>(settings_.block_ns) / std::max(slowest, 1.0);
    const size_t whole_actions = kMaxNumbers / std::max<size_t>(most_numbers_, 1);
    const auto most = static_cast<double>(whole_actions);
    return static_cast<int>(std::clamp(steps, 1.0, std::clamp(most, 1.0, static_cast<double>(kMaxInBlock))));
  }

  std::vector<size_t> Order(int round) const {
    std::vector<size_t> order(subjects_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    Random random(settings_.seed, static_cast<uint64_t>(round));
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
    return order;
  }

  Status Rounds() {
    const int steps = BlockSteps();
    const int64_t begin = world_.now_ns();
    for (int round = 0;; ++round) {
      if (Enough(round, world_.now_ns() - begin)) return {};
      for (const size_t s : Order(round)) {
        world_.sleep_ns(settings_.settle_ns);
        VLAQ_RETURN_IF_ERROR(Turn(s, round, NextInputs(s, steps)));
      }
      ran_.readings.push_back(world_.read_machine());
      log_.Progress("rounds", static_cast<uint64_t>(round) + 1, static_cast<uint64_t>(ExpectedRounds(steps)));
    }
  }

  // Every frame once, not timed. Of the first subject it is what the others' actions are compared with, whatever the
  // order. The others are asked just as much: who keeps features has those of all frames then, as the first has, so
  // that nobody's caches are warmer when the clock starts.
  Status FirstPass(size_t s) {
    const int steps = BlockSteps();
    for (int at = 0; at < settings_.frames; at += steps) {
      std::vector<int> inputs;
      for (int i = at; i < std::min(at + steps, settings_.frames); ++i) inputs.push_back(i);
      VLAQ_ASSIGN_OR_RETURN(const Block block, subjects_[s]->Run(inputs, true));
      for (size_t i = 0; s == 0 && i < inputs.size(); ++i) {
        ReferenceAnswer answer{block.actions[i], {}};
        for (const auto& [name, values] : block.outputs) answer.others.emplace(name, values[i]);
        reference_.emplace(inputs[i], std::move(answer));
      }
    }
    return {};
  }

  Status Turn(size_t s, int round, const std::vector<int>& inputs) {
    SubjectResult& result = ran_.subjects[s];
    VLAQ_ASSIGN_OR_RETURN(const Block block, subjects_[s]->Run(inputs, true));
    for (size_t i = 0; i < inputs.size(); ++i) {
      result.samples.Add(round, inputs[i], block.start_ns[i], block.wall_ns[i], block.cpu_ns[i]);
    }
    Check(s, inputs, block);
    return {};
  }

  // What an answer is worth: its times against the clock here, its actions against the first subject's.
  void Check(size_t s, const std::vector<int>& inputs, const Block& block) {
    SubjectResult& result = ran_.subjects[s];
    int64_t claimed = 0;
    for (const int64_t ns : block.wall_ns) claimed = AddUpTo(claimed, ns);
    result.impossible_claims += claimed > block.turnaround_ns ? 1 : 0;
    result.answers.steps.push_back(static_cast<int>(inputs.size()));
    result.answers.reported_ns.push_back(claimed);
    result.answers.wall_ns.push_back(block.turnaround_ns);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const ReferenceAnswer& wanted = reference_.at(inputs[i]);
      outputs_[s].Add(wanted.action, block.actions[i]);
      for (const auto& [name, values] : block.outputs) {
        const auto same = wanted.others.find(name);
        if (same != wanted.others.end()) outputs_[s].AddOther(name, LargestDifference(same->second, values[i]));
      }
    }
  }

  int ExpectedRounds(int steps) const {
    if (settings_.protocol == Protocol::kPublished) return settings_.published_runs;
    double rounds = settings_.min_rounds;
    for (const double p : settings_.percentiles) {
      rounds = std::max(rounds, std::ceil(static_cast<double>(FewestFor(p, settings_.confidence)) / steps));
    }
    return static_cast<int>(rounds);
  }

  bool Enough(int rounds, int64_t elapsed) const {
    if (settings_.protocol == Protocol::kPublished) return rounds >= settings_.published_runs;
    if (rounds > 0 && elapsed >= settings_.budget_ns) return true;
    return rounds >= settings_.min_rounds &&
           std::ranges::all_of(ran_.subjects, [this](const auto& subject) { return EnoughOf(subject.samples); });
  }

  bool EnoughOf(const Samples& samples) const {
    double all = 0;
    for (const int64_t ns : samples.wall_ns) all += static_cast<double>(ns);
    if (all < static_cast<double>(settings_.least_ns)) return false;
    for (const double p : settings_.percentiles) {
      if (EarlyStoppingRank(static_cast<int64_t>(samples.size()), p, settings_.confidence) < 1) return false;
    }
    return Steady(samples.RoundMedians());
  }

  // The last three windows of four rounds.
  static bool Steady(const std::vector<double>& medians) {
    constexpr size_t kWindows = 3, kRounds = 4;
    if (medians.size() < kWindows * kRounds) return false;
    std::vector<double> windows;
    for (size_t w = 0; w < kWindows; ++w) {
      const auto begin = medians.end() - static_cast<std::ptrdiff_t>((kWindows - w) * kRounds);
      windows.push_back(Median({begin, begin + kRounds}));
    }
    const auto [low, high] = std::ranges::minmax(windows);
    return high <= low * (1 + kSteady);
  }

  // A new frame every period; subjects take turns of some frames, since they cannot all have the machine at once.
  Status Control() {
    const int64_t ticks = std::max<int64_t>(1, settings_.duration_ns / settings_.period_ns);
    int round = 0;
    for (int64_t at = 0; at < ticks; at += kControlSegment, ++round) {
      for (const size_t s : Order(round)) {
        VLAQ_RETURN_IF_ERROR(Segment(s, round, at, std::min<int64_t>(kControlSegment, ticks - at)));
      }
      ran_.readings.push_back(world_.read_machine());
      log_.Progress("ticks", static_cast<uint64_t>(std::min(ticks, at + kControlSegment)),
                    static_cast<uint64_t>(ticks));
    }
    return {};
  }

  // A turn of `ticks` frames, of which the first is number `first` of all. A step that is not over when the next frame
  // comes misses its own; then the newest frame that is there is taken at once, as a robot's loop does, though it may
  // be most of a period old already. Frames before that are never looked at.
  Status Segment(size_t s, int round, int64_t first, int64_t ticks) {
    SubjectResult& result = ran_.subjects[s];
    Samples& samples = result.samples;
    world_.sleep_ns(settings_.settle_ns);
    const int64_t begin = world_.now_ns(), period = settings_.period_ns;
    int64_t end = begin;
    for (int64_t tick = 0; tick < ticks;) {
      const int64_t due = begin + tick * period;
      if (const int64_t wait = due - world_.now_ns(); wait > 0) world_.sleep_ns(wait);
      const std::vector<int> input{static_cast<int>((first + tick) % settings_.frames)};
      const int64_t started = world_.now_ns();
      VLAQ_ASSIGN_OR_RETURN(const Block block, subjects_[s]->Run(input, true));
      end = world_.now_ns();
      samples.Add(round, input[0], block.start_ns[0], end - due, block.cpu_ns[0]);
      samples.late_ns.push_back(started - due);
      samples.frame.push_back(first + tick);
      Check(s, input, block);
      tick = std::max(tick + 1, (end - begin) / period);
    }
    samples.frames_due += ticks;
    samples.span_ns += std::max(ticks * period, end - begin);
    return {};
  }

  const std::vector<Subject*>& subjects_;
  const Settings& settings_;
  const Environment& world_;
  Log& log_;
  std::vector<int64_t> at_;      // the next frame, by subject
  std::vector<double> medians_;  // of the warm-up, by subject
  size_t most_numbers_ = 0;      // of any subject's answer to one step
  Reference reference_;
  std::vector<OutputComparison> outputs_;  // by subject
  Ran ran_;
};

}  // namespace

Result<Ran> RunInTurns(const std::vector<Subject*>& subjects, const Settings& settings, const Environment& world,
                       Log& log) {
  if (subjects.empty() || settings.frames < 1) return InternalError("", "nothing to run");
  return Turns(subjects, settings, world, log).Run();
}

Result<Harness> MeasureHarness(Subject& null, int blocks) {
  std::vector<double> calls, messages;
  for (int i = 0; i < blocks; ++i) {
    VLAQ_ASSIGN_OR_RETURN(const Block block, null.Run(std::vector<int>{0, 0, 0, 0}, false));
    double inside = 0;
    for (const int64_t ns : block.wall_ns) {
      calls.push_back(static_cast<double>(ns));
      inside += static_cast<double>(ns);
    }
    messages.push_back(static_cast<double>(block.turnaround_ns) - inside);
  }
  return Harness{Median(std::move(calls)), Median(std::move(messages))};
}

}  // namespace vlaq::harness
