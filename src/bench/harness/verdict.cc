#include "bench/harness/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/harness/machine_state.h"

namespace vlaq::harness {
namespace {

class Judging {
 public:
  Judging(const SubjectResult& subject, const Results& results, const Limits& limits)
      : subject_(subject), results_(results), limits_(limits), medians_(subject.samples.RoundMedians()) {}

  Verdict Run() {
    WrongThing();
    WrongConditions();
    TooFewRuns();
    if (subject_.samples.size() > 0) Unsteady();
    return std::move(verdict_);
  }

 private:
  void Find(std::string check, State state, double value, double limit, std::string advice) {
    verdict_.findings.push_back({std::move(check), state, value, limit, std::move(advice)});
  }

  // Something else was measured than was asked for.
  void WrongThing() {
    if (subject_.outputs) OtherAnswers(*subject_.outputs);
    if (subject_.identity && *subject_.identity < limits_.identity) {
      Find("identity", State::kInvalid, *subject_.identity, limits_.identity,
           "its outputs depend on fewer parameters than the first subject's (or, if that does not say, than those of "
           "the "
           "subject with most): it is another network");
    }
    if (subject_.identity && *subject_.identity > limits_.surplus) {
      Find("identity", State::kInvalid, *subject_.identity, limits_.surplus,
           "its outputs depend on more parameters than the first subject's: one of the two is another network");
    }
    if (subject_.impossible_claims > 0) {
      Find("claims", State::kInvalid, static_cast<double>(subject_.impossible_claims), 0,
           "its own times are longer than it took to answer: its clock is wrong");
    }
    const int threads = subject_.ready.threads;  // 0: it does not say
    if (threads > 0 && threads != results_.settings.threads) {
      Find("threads", State::kInvalid, threads, results_.settings.threads,
           "it uses another number of threads than all were asked to: set them as its hello says");
    }
    if (const double unseen = Unseen(); unseen > limits_.unseen) UnseenTime(unseen);
  }

  // Another program may stop its clock too early. vlaq's own worker does not, so the time went elsewhere: to other
  // load, which is told as such, or to something that the system does not count.
  void UnseenTime(double unseen) {
    const std::string what = fmt::format("its answers took {:.2g} times as long as its own times say", 1 + unseen);
    if (!subject_.own_worker) {
      Find("unaccounted_time", State::kInvalid, unseen, limits_.unseen,
           what +
               ": a step is over when its action is there (synchronize before the clock stops), and features that it "
               "keeps are made once");
    } else if (!Loaded()) {
      Find("unaccounted_time", State::kUnstable, unseen, limits_.unseen,
           what + ", which is vlaq's own clock: something took the processor between its steps; measure again");
    }
  }

  bool Loaded() const { return results_.machine.other_load > limits_.other_load; }

  void TooFewRuns() {
    for (const Percentile& p : subject_.summary.percentiles) {
      if (p.safe_ns || results_.settings.protocol == Protocol::kPublished) continue;
      Find("too_few_runs", State::kInvalid, static_cast<double>(subject_.summary.n),
           static_cast<double>(FewestFor(p.p, results_.settings.confidence)),
           fmt::format("p{:g} cannot be claimed from so few runs: a larger {}, or fewer --percentiles", 100 * p.p,
                       results_.settings.protocol == Protocol::kControl ? "--duration" : "--budget"));
    }
  }

  // Near is not enough: a policy whose actions hardly change with the frames, as one of random weights, is near any
  // constant. So what counts besides is how much of the change by frames a subject follows. What is the same for all
  // frames is left out of that, since quantizing shifts actions, and the limit above bounds it. An INT8 policy whose
  // rounding is as large as that change is INVALID, too: nothing that was measured tells it from a program that looks
  // at no frame. Frames of a camera and trained weights do, or --max-difference.
  void OtherAnswers(const OutputDifference& outputs) {
    const Settings& settings = results_.settings;
    if (!(outputs.largest <= settings.max_difference)) {
      Find("outputs_differ", State::kInvalid, outputs.largest, settings.max_difference,
           fmt::format("its actions are not those of '{}': a fast wrong answer is no result", outputs.against));
      return;
    }
    for (const auto& [name, largest] : outputs.others) {
      if (largest <= settings.max_difference) continue;
      Find("outputs_differ", State::kInvalid, largest, settings.max_difference,
           fmt::format("its output '{}' is not that of '{}': a fast wrong answer is no result", name, outputs.against));
      return;
    }
    if (outputs.against == subject_.name || outputs.steps == 0 || settings.difference_given) return;
    constexpr std::string_view kWayOut = "measure on --frames of a camera, or say with --max-difference what is enough";
    if (outputs.spread < limits_.least_spread) {
      Find("output_constant", State::kUnstable, outputs.spread, limits_.least_spread,
           fmt::format(
               "the actions of '{}' hardly change with the frames, so they cannot tell a policy from a constant: {}",
               outputs.against, kWayOut));
      return;
    }
    const double lost = outputs.residual / outputs.spread;
    const std::string what =
        fmt::format("frames change the actions of '{}' by {:.2g} (RMS), and its own are {:.2g} off that",
                    outputs.against, outputs.spread, outputs.residual);
    if (lost > limits_.blind) {
      Find("output_independent_of_input", State::kInvalid, lost, limits_.blind,
           fmt::format("{}: a program that looks at no frame would do as well; {}", what, kWayOut));
    } else if (lost > limits_.coarse) {
      Find("output_error_high", State::kUnstable, lost, limits_.coarse, fmt::format("{}; {}", what, kWayOut));
    }
  }

  // Time that passed outside while an answer was made and that no step of it claims, by the claim: the median over all
  // questions. An asynchronous launch without a wait looks like this: 0.2 ms are claimed, and the answer takes 10.
  double Unseen() const {
    const Answers& answers = subject_.answers;
    std::vector<double> shares;
    for (size_t i = 0; i < answers.wall_ns.size(); ++i) {
      const auto claimed = static_cast<double>(answers.reported_ns[i]);
      const double free = results_.harness.message_ns + static_cast<double>(limits_.unseen_question_ns) +
                          static_cast<double>(answers.steps[i]) * static_cast<double>(limits_.unseen_step_ns);
      shares.push_back((static_cast<double>(answers.wall_ns[i]) - claimed - free) / std::max(claimed, 1.0));
    }
    return shares.empty() ? 0 : Median(std::move(shares));
  }

  void WrongConditions() {
    if (results_.made.assertions) {
      Find("debug_build", State::kInvalid, 1, 0, "vlaq was built with assertions: measure with script/build's release");
    }
    if (results_.machine.throttled.value_or(false)) {
      Find("throttled", State::kInvalid, 1, 0,
           "the processor or its quota was throttled during the run: cool it, or raise the quota");
    }
    if (const auto step = LargestClockStep(results_.machine.readings); step && step->share() > kClockStepLimit) {
      Find("clock", State::kInvalid, step->share(), kClockStepLimit,
           fmt::format("the processor's clock went from {:.0f} to {:.0f} MHz during the run: pin it (governor "
                       "performance), or cool it",
                       step->from_mhz, step->to_mhz));
    }
    if (Loaded()) {
      Find("other_load", State::kInvalid, results_.machine.other_load, limits_.other_load,
           "other programs took this share of the machine: stop them");
    }
    const double median = subject_.summary.median_ns;
    if (subject_.samples.size() > 0 && results_.harness.call_ns > limits_.harness * median) {
      Find("harness", State::kInvalid, results_.harness.call_ns / std::max(median, 1.0), limits_.harness,
           "a step is too short for this clock: use a larger --batch");
    }
  }

  void Unsteady() {
    if (subject_.summary.variation > limits_.variation) {
      Find("variation", State::kUnstable, subject_.summary.variation, limits_.variation,
           "rounds differ: stop other work, pin the clock (governor performance), or measure longer");
    }
    constexpr size_t kFewest = 6;
    if (medians_.size() >= kFewest) Trend();
    const double median = subject_.summary.median_ns;
    const auto& wall = subject_.samples.wall_ns;
    const auto count =
        std::ranges::count_if(wall, [&](int64_t ns) { return static_cast<double>(ns) > limits_.outlier * median; });
    if (count > 0) {
      const auto worst = static_cast<size_t>(std::ranges::max_element(wall) - wall.begin());
      Find("outliers", State::kUnstable, static_cast<double>(count), 0,
           fmt::format(
               "steps of more than {:g} medians; the longest, {:.1f} ms, is number {} (round {}): look for other load",
               limits_.outlier, static_cast<double>(wall[worst]) / 1e6, worst, subject_.samples.round[worst]));
    }
  }

  static double Apart(double a, double b) { return std::fabs(a - b) / std::min(a, b); }

  void Trend() {
    const auto third = static_cast<std::ptrdiff_t>(medians_.size() / 3);
    const double first = Median({medians_.begin(), medians_.begin() + third});
    const double last = Median({medians_.end() - third, medians_.end()});
    const double middle = Median({medians_.begin() + third, medians_.end() - third});
    if (Apart(first, last) > limits_.drift) {
      Find("drift", State::kUnstable, Apart(first, last), limits_.drift,
           "it gets slower or faster: warm up longer, or cool");
    }
    const auto [low, high] = std::minmax({first, middle, last});
    if (Apart(low, high) > limits_.windows) {
      Find("windows", State::kUnstable, Apart(low, high), limits_.windows,
           "three parts of the run differ: measure longer");
    }
  }

  const SubjectResult& subject_;
  const Results& results_;
  const Limits& limits_;
  std::vector<double> medians_;
  Verdict verdict_;
};

}  // namespace

Verdict Judge(const SubjectResult& subject, const Results& results, const Limits& limits) {
  return Judging(subject, results, limits).Run();
}

}  // namespace vlaq::harness
