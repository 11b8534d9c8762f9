// What subjects of `bench` are worth beside their time: their error on recorded episodes.
#include <algorithm>

#include "cli/bench_arguments.h"
#include "cli/eval_arguments.h"

namespace vlaq::cli {

Status CheckQuality(const BenchArguments& a, const std::vector<bench::BenchSubject>& subjects) {
  if (a.episodes.empty()) return {};
  if (std::ranges::none_of(subjects, [](const auto& subject) { return subject.bundle.has_value(); })) {
    return UsageError("--episodes: none of the subjects is a bundle", "the MAE is measured of bundles only");
  }
  VLAQ_RETURN_IF_ERROR(data::EpisodeSet::Open({a.episodes}));
  return {};
}

Status MeasureQuality(const BenchArguments& a, const std::vector<bench::BenchSubject>& subjects,
                      harness::Results& results, Log& log) {
  if (a.episodes.empty()) return {};
  std::map<std::string, harness::Quality> known;  // by path: a bundle's schedules make the same actions
  for (size_t i = 0; i < subjects.size(); ++i) {
    if (!subjects[i].bundle) continue;
    auto found = known.find(subjects[i].path);
    if (found == known.end()) {
      EvalArguments eval;
      eval.bundle = subjects[i].path;
      eval.recorded.place = a.episodes;
      eval.backend = a.backend;
      VLAQ_ASSIGN_OR_RETURN(const auto evaluation, EvaluateOpenLoop(eval, log));
      const evaluate::Score total = evaluate::Total(evaluation.policy.ablations.front().episodes);
      found = known
                  .emplace(subjects[i].path,
                           harness::Quality{total.Mae(evaluate::AxesOf(evaluation.policy.space)), total.steps,
                                            a.episodes.string(), results.settings.action_unit})
                  .first;
    }
    results.subjects[i].quality = found->second;
  }
  return {};
}

}  // namespace vlaq::cli
