#include "evaluate/sim_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/json_field.h"
#include "evaluate/summary.h"

namespace vlaq::evaluate {
namespace {

constexpr std::string_view kSchema = "vlaq.eval/2";
constexpr std::string_view kMode = "simulation";

Json SideToJson(const std::optional<sim::Side>& side) { return side ? Json(std::string(sim::Name(*side))) : Json(); }

Json ToJson(const Outcome& o) {
  return {{"seed", o.seed},
          {"layout", o.layout},
          {"told", std::string(sim::Name(o.told))},
          {"first_passed", SideToJson(o.first_passed)},
          {"succeeded", o.succeeded},
          {"reached", o.reached},
          {"collided", o.collided},
          {"timed_out", o.timed_out},
          {"steps", o.steps},
          {"path_length_m", o.path_length}};
}

Json ToJson(const Rate& rate) {
  const Interval interval = rate.interval();
  return {{"count", rate.count},
          {"of", rate.of},
          {"fraction", rate.fraction()},
          {"wilson_95", {interval.low, interval.high}}};
}

Json ToJson(const Summary& s) {
  Json layouts = Json::object();
  for (const auto& [name, rate] : s.by_layout) layouts[name] = ToJson(rate);
  return {{"success", ToJson(s.success)},
          {"reached", ToJson(s.reached)},
          {"collided", ToJson(s.collided)},
          {"timed_out", ToJson(s.timed_out)},
          {"passed_on_told_side", ToJson(s.told_side)},
          {"passed_on_other_side", ToJson(s.other_side)},
          {"mean_steps_of_successes", s.mean_steps},
          {"mean_seconds_of_successes", s.mean_steps * sim::kControlPeriod},
          {"mean_path_length_of_successes_m", s.mean_path_length},
          {"success_by_layout", std::move(layouts)}};
}

Json ToJson(const EvaluatedPolicy& evaluated) {
  Json ablations = Json::array();
  for (const AblationOutcomes& c : evaluated.ablations) {
    Json outcomes = Json::array();
    for (const Outcome& outcome : c.outcomes) outcomes.push_back(ToJson(outcome));
    ablations.push_back({{"ablation", std::string(Name(c.ablation))},
                         {"summary", ToJson(Summarize(c.outcomes))},
                         {"outcomes", std::move(outcomes)}});
  }
  Json json = ToJson(evaluated.subject);
  json["ablations"] = std::move(ablations);
  return json;
}

// Paired over the seeds, for every ablation that both have.
Json ComparisonToJson(const EvaluatedPolicy& a, const EvaluatedPolicy& b) {
  Json list = Json::array();
  for (size_t i = 0; i < std::min(a.ablations.size(), b.ablations.size()); ++i) {
    const auto counts = CompareSuccess(a.ablations[i].outcomes, b.ablations[i].outcomes);
    if (!counts.ok()) continue;
    list.push_back({{"ablation", std::string(Name(a.ablations[i].ablation))},
                    {"both", counts->both},
                    {"only_policy", counts->only_first},
                    {"only_reference", counts->only_second},
                    {"neither", counts->neither},
                    {"mcnemar_p", McNemarP(*counts)}});
  }
  return list;
}

std::optional<sim::Side> FindSide(std::string_view name) {
  for (const sim::Side side : {sim::Side::kLeft, sim::Side::kRight}) {
    if (name == sim::Name(side)) return side;
  }
  return std::nullopt;
}

Outcome ReadOutcome(const JsonField& field) {
  Outcome o;
  const std::vector<std::string> sides{std::string(sim::Name(sim::Side::kLeft)),
                                       std::string(sim::Name(sim::Side::kRight))};
  field.Need("seed", o.seed);
  field.Need("layout", o.layout);
  field.NeedName("told", FindSide, sides, o.told);
  if (field.Has("first_passed")) field.NeedName("first_passed", FindSide, sides, o.first_passed.emplace());
  field.Need("succeeded", o.succeeded);
  field.Need("reached", o.reached);
  field.Need("collided", o.collided);
  field.Need("timed_out", o.timed_out);
  field.Need("steps", o.steps);
  field.Need("path_length_m", o.path_length);
  return o;
}

EvaluatedPolicy ReadPolicy(const JsonField& field) {
  EvaluatedPolicy evaluated;
  field.Need("kind", evaluated.subject.kind);
  field.Need("name", evaluated.subject.name);
  field.Need("sha256", evaluated.subject.sha256);
  field.Need("tokenizer_sha256", evaluated.subject.tokenizer_sha256);
  field.Need("runs_on", evaluated.subject.runs_on);
  for (const JsonField& entry : field["ablations"].Items()) {
    AblationOutcomes& added = evaluated.ablations.emplace_back();
    entry.NeedName("ablation", FindAblation, AblationNames(), added.ablation);
    for (const JsonField& outcome : entry["outcomes"].Items()) added.outcomes.push_back(ReadOutcome(outcome));
  }
  return evaluated;
}

// Every ablation holds the seeds of this shard, in their order: else a part would be joined, or summed up, as a whole.
Status CheckSeeds(const SimEvaluation& e, const EvaluatedPolicy& evaluated, const std::string& where) {
  if (evaluated.ablations.empty()) return InputError(where, "ablations is empty");
  const uint64_t expected = (e.episodes - e.shard + e.shards - 1) / e.shards;
  for (const AblationOutcomes& c : evaluated.ablations) {
    const std::string place = fmt::format("{}: {}", where, Name(c.ablation));
    if (c.outcomes.size() != expected) {
      return InputError(place, fmt::format("outcomes holds {} episodes instead of {}", c.outcomes.size(), expected));
    }
    for (size_t k = 0; k < c.outcomes.size(); ++k) {
      const uint64_t seed = e.first_seed + e.shard + k * e.shards;
      if (c.outcomes[k].seed == seed) continue;
      return InputError(place, fmt::format("seed is {} where {} is due", c.outcomes[k].seed, seed));
    }
  }
  return {};
}

// What all parts of one evaluation have in common, as text.
std::string Identity(const SimEvaluation& e) {
  std::string identity = fmt::format("seeds {}+{} in {} shards, {}x{} pixels, dynamics {}, noise {}, frame loss {}",
                                     e.first_seed, e.episodes, e.shards, e.world.width, e.world.height,
                                     e.world.dynamics, e.world.noise, e.world.frame_loss);
  identity += ", vlaq " + e.vlaq_version;
  const auto add = [&identity](const EvaluatedPolicy& c) {
    const PolicyIdentity& s = c.subject;
    identity += fmt::format(", {} {}", s.kind, s.sha256.empty() ? s.name : s.sha256);
    if (!s.tokenizer_sha256.empty()) identity += fmt::format(" with tokenizer {}", s.tokenizer_sha256);
    if (!s.runs_on.empty()) identity += fmt::format(" on {}", s.runs_on);
    for (const AblationOutcomes& o : c.ablations) identity += fmt::format(" {}", Name(o.ablation));
  };
  add(e.policy);
  if (e.reference) add(*e.reference);
  return identity;
}

void Join(const EvaluatedPolicy& from, EvaluatedPolicy& into) {
  for (size_t i = 0; i < into.ablations.size(); ++i) {
    auto& outcomes = into.ablations[i].outcomes;
    outcomes.insert(outcomes.end(), from.ablations[i].outcomes.begin(), from.ablations[i].outcomes.end());
    std::ranges::sort(outcomes, {}, &Outcome::seed);
  }
}

}  // namespace

Json ToJson(const SimEvaluation& e) {
  Json document{{"schema", std::string(kSchema)},
                {"mode", std::string(kMode)},
                {"vlaq_version", e.vlaq_version},
                {"first_seed", e.first_seed},
                {"episodes", e.episodes},
                {"shard", e.shard},
                {"shards", e.shards},
                {"world",
                 {{"width", e.world.width},
                  {"height", e.world.height},
                  {"dynamics", e.world.dynamics},
                  {"noise", e.world.noise},
                  {"frame_loss", e.world.frame_loss}}},
                {"policy", ToJson(e.policy)}};
  if (e.reference) {
    document["reference"] = ToJson(*e.reference);
    document["comparison"] = ComparisonToJson(e.policy, *e.reference);
  }
  return document;
}

Result<SimEvaluation> SimEvaluationFromJson(const Json& json, const std::string& where) {
  const JsonField root(json, where);
  root.HasSchema(kSchema, "vlaq eval --rollouts -o writes such files");
  if (const std::string mode = root["mode"].Text(); mode != kMode) {
    root.FailAt("mode", fmt::format("is '{}', not '{}'", mode, kMode));
  }
  SimEvaluation e;
  root.Need("vlaq_version", e.vlaq_version);
  root.Need("first_seed", e.first_seed);
  root.Need("episodes", e.episodes);
  root.Need("shard", e.shard);
  root.Need("shards", e.shards);
  const JsonField world = root["world"];
  world.Need("width", e.world.width);
  world.Need("height", e.world.height);
  world.Need("dynamics", e.world.dynamics);
  world.Need("noise", e.world.noise);
  world.Need("frame_loss", e.world.frame_loss);
  e.policy = ReadPolicy(root["policy"]);
  if (const auto reference = root.Find("reference")) e.reference = ReadPolicy(*reference);
  VLAQ_RETURN_IF_ERROR(root.status());
  if (e.shards < 1 || e.shards > e.episodes || e.episodes > kMaxEpisodes || e.shard >= e.shards) {
    return InputError(where, fmt::format("shard {} of {} for {} episodes", e.shard, e.shards, e.episodes));
  }
  VLAQ_RETURN_IF_ERROR(CheckSeeds(e, e.policy, where + ": policy"));
  if (!e.reference) return e;
  VLAQ_RETURN_IF_ERROR(CheckSeeds(e, *e.reference, where + ": reference"));
  if (!std::ranges::equal(e.policy.ablations, e.reference->ablations, {}, &AblationOutcomes::ablation,
                          &AblationOutcomes::ablation)) {
    return InputError(where, "policy and reference drove under different ablations");
  }
  return e;
}

Result<SimEvaluation> Merge(const std::vector<SimEvaluation>& parts, const std::vector<std::string>& names) {
  if (parts.empty()) return UsageError("there are no parts to merge");
  const std::string identity = Identity(parts.front());
  std::vector<std::string> owner(parts.front().shards);
  SimEvaluation merged = parts.front();
  for (size_t i = 0; i < parts.size(); ++i) {
    const SimEvaluation& part = parts[i];
    if (Identity(part) != identity) {
      return InputError(names[i], fmt::format("belongs to another evaluation than {}: {} against {}", names[0],
                                              Identity(part), identity));
    }
    if (!owner[part.shard].empty()) {
      return InputError(names[i], fmt::format("is shard {} again; {} was already", part.shard, owner[part.shard]));
    }
    owner[part.shard] = names[i];
    if (i == 0) continue;
    Join(part.policy, merged.policy);
    if (merged.reference) Join(*part.reference, *merged.reference);
  }
  std::vector<size_t> missing;
  for (size_t shard = 0; shard < owner.size(); ++shard) {
    if (owner[shard].empty()) missing.push_back(shard);
  }
  if (!missing.empty()) {
    return InputError(names.front(),
                      fmt::format("of {} shards these are missing: {}", owner.size(), fmt::join(missing, ", ")),
                      "run them with --shard i/n, then merge all");
  }
  merged.shard = 0;
  merged.shards = 1;
  return merged;
}

}  // namespace vlaq::evaluate
