#include "evaluation/sim_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "evaluation/summary.h"

namespace vlaq::evaluation {
namespace {

constexpr std::string_view kSchema = "vlaq.eval/1";
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

Json ToJson(const Contestant& contestant) {
  Json conditions = Json::array();
  for (const ConditionOutcomes& c : contestant.conditions) {
    Json outcomes = Json::array();
    for (const Outcome& outcome : c.outcomes) outcomes.push_back(ToJson(outcome));
    conditions.push_back({{"condition", std::string(Name(c.condition))},
                          {"summary", ToJson(Summarise(c.outcomes))},
                          {"outcomes", std::move(outcomes)}});
  }
  Json json = ToJson(contestant.subject);
  json["conditions"] = std::move(conditions);
  return json;
}

// Paired over the seeds, for every condition that both have.
Json ComparisonToJson(const Contestant& a, const Contestant& b) {
  Json list = Json::array();
  for (size_t i = 0; i < std::min(a.conditions.size(), b.conditions.size()); ++i) {
    const auto counts = CompareSuccess(a.conditions[i].outcomes, b.conditions[i].outcomes);
    if (!counts.ok()) continue;
    list.push_back({{"condition", std::string(Name(a.conditions[i].condition))},
                    {"both", counts->both},
                    {"only_policy", counts->only_first},
                    {"only_against", counts->only_second},
                    {"neither", counts->neither},
                    {"mcnemar_p", McNemarP(*counts)}});
  }
  return list;
}

// Reading: every getter fails with the place of what is missing or of another type.
class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}

  template <typename T>
  Result<T> Get(const char* key) const {
    if (!json_.is_object() || !json_.contains(key)) return InputError(where_, fmt::format("'{}' is missing", key));
    const Json& value = json_[key];
    const bool fits = std::is_same_v<T, bool>          ? value.is_boolean()
                      : std::is_same_v<T, std::string> ? value.is_string()
                      : std::is_floating_point_v<T>    ? value.is_number()
                      : std::is_unsigned_v<T>          ? value.is_number_unsigned()
                                                       : value.is_number_integer();
    if (!fits) return InputError(where_, fmt::format("'{}' is of another type", key));
    if constexpr (std::is_same_v<T, int>) {
      if (!std::in_range<int>(value.get<int64_t>())) return InputError(where_, fmt::format("'{}' is too large", key));
    }
    return value.get<T>();
  }

  Result<std::reference_wrapper<const Json>> Child(const char* key) const {
    if (!json_.is_object() || !json_.contains(key)) return InputError(where_, fmt::format("'{}' is missing", key));
    return std::cref(json_[key]);
  }

 private:
  const Json& json_;
  std::string where_;
};

Result<sim::Side> SideFrom(const std::string& name, const std::string& where) {
  for (const sim::Side side : {sim::Side::kLeft, sim::Side::kRight}) {
    if (name == sim::Name(side)) return side;
  }
  return InputError(where, fmt::format("'{}' is no side", name));
}

Result<Outcome> OutcomeFrom(const Json& json, const std::string& where) {
  const Reader read(json, where);
  Outcome o;
  VLAQ_ASSIGN_OR_RETURN(o.seed, read.Get<uint64_t>("seed"));
  VLAQ_ASSIGN_OR_RETURN(o.layout, read.Get<std::string>("layout"));
  VLAQ_ASSIGN_OR_RETURN(const std::string told, read.Get<std::string>("told"));
  VLAQ_ASSIGN_OR_RETURN(o.told, SideFrom(told, where));
  VLAQ_ASSIGN_OR_RETURN(const auto passed, read.Child("first_passed"));
  if (!passed.get().is_null()) {
    VLAQ_ASSIGN_OR_RETURN(const std::string side, read.Get<std::string>("first_passed"));
    VLAQ_ASSIGN_OR_RETURN(o.first_passed, SideFrom(side, where));
  }
  VLAQ_ASSIGN_OR_RETURN(o.succeeded, read.Get<bool>("succeeded"));
  VLAQ_ASSIGN_OR_RETURN(o.reached, read.Get<bool>("reached"));
  VLAQ_ASSIGN_OR_RETURN(o.collided, read.Get<bool>("collided"));
  VLAQ_ASSIGN_OR_RETURN(o.timed_out, read.Get<bool>("timed_out"));
  VLAQ_ASSIGN_OR_RETURN(o.steps, read.Get<int>("steps"));
  VLAQ_ASSIGN_OR_RETURN(o.path_length, read.Get<double>("path_length_m"));
  return o;
}

Result<Contestant> ContestantFrom(const Json& json, const std::string& where) {
  const Reader read(json, where);
  Contestant contestant;
  VLAQ_ASSIGN_OR_RETURN(contestant.subject.kind, read.Get<std::string>("kind"));
  VLAQ_ASSIGN_OR_RETURN(contestant.subject.name, read.Get<std::string>("name"));
  VLAQ_ASSIGN_OR_RETURN(contestant.subject.sha256, read.Get<std::string>("sha256"));
  VLAQ_ASSIGN_OR_RETURN(contestant.subject.tokenizer_sha256, read.Get<std::string>("tokenizer_sha256"));
  VLAQ_ASSIGN_OR_RETURN(contestant.subject.runs_on, read.Get<std::string>("runs_on"));
  VLAQ_ASSIGN_OR_RETURN(const auto conditions, read.Child("conditions"));
  if (!conditions.get().is_array()) return InputError(where, "'conditions' is no list");
  for (const Json& entry : conditions.get()) {
    const Reader read_entry(entry, where + ": conditions");
    VLAQ_ASSIGN_OR_RETURN(const std::string name, read_entry.Get<std::string>("condition"));
    const auto condition = FindCondition(name);
    if (!condition) return InputError(where, fmt::format("there is no condition '{}'", name));
    ConditionOutcomes& added = contestant.conditions.emplace_back();
    added.condition = *condition;
    VLAQ_ASSIGN_OR_RETURN(const auto outcomes, read_entry.Child("outcomes"));
    if (!outcomes.get().is_array()) return InputError(where, "'outcomes' is no list");
    for (const Json& item : outcomes.get()) {
      VLAQ_ASSIGN_OR_RETURN(Outcome outcome, OutcomeFrom(item, fmt::format("{}: {}: outcomes", where, name)));
      added.outcomes.push_back(std::move(outcome));
    }
  }
  return contestant;
}

// Every condition holds the seeds of this shard, in their order: else a part would be joined, or summed up, as a whole.
Status CheckSeeds(const SimEvaluation& e, const Contestant& contestant, const std::string& where) {
  if (contestant.conditions.empty()) return InputError(where, "'conditions' is empty");
  const uint64_t expected = (e.episodes - e.shard + e.shards - 1) / e.shards;
  for (const ConditionOutcomes& c : contestant.conditions) {
    const std::string place = fmt::format("{}: {}", where, Name(c.condition));
    if (c.outcomes.size() != expected) {
      return InputError(place, fmt::format("'outcomes' holds {} episodes instead of {}", c.outcomes.size(), expected));
    }
    for (size_t k = 0; k < c.outcomes.size(); ++k) {
      const uint64_t seed = e.first_seed + e.shard + k * e.shards;
      if (c.outcomes[k].seed == seed) continue;
      return InputError(place, fmt::format("'seed' is {} where {} is due", c.outcomes[k].seed, seed));
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
  const auto add = [&identity](const Contestant& c) {
    const Subject& s = c.subject;
    identity += fmt::format(", {} {}", s.kind, s.sha256.empty() ? s.name : s.sha256);
    if (!s.tokenizer_sha256.empty()) identity += fmt::format(" with tokeniser {}", s.tokenizer_sha256);
    if (!s.runs_on.empty()) identity += fmt::format(" on {}", s.runs_on);
    for (const ConditionOutcomes& o : c.conditions) identity += fmt::format(" {}", Name(o.condition));
  };
  add(e.policy);
  if (e.against) add(*e.against);
  return identity;
}

void Join(const Contestant& from, Contestant& into) {
  for (size_t i = 0; i < into.conditions.size(); ++i) {
    auto& outcomes = into.conditions[i].outcomes;
    outcomes.insert(outcomes.end(), from.conditions[i].outcomes.begin(), from.conditions[i].outcomes.end());
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
  if (e.against) {
    document["against"] = ToJson(*e.against);
    document["comparison"] = ComparisonToJson(e.policy, *e.against);
  }
  return document;
}

Result<SimEvaluation> SimEvaluationFromJson(const Json& json, const std::string& where) {
  const Reader read(json, where);
  VLAQ_ASSIGN_OR_RETURN(const std::string schema, read.Get<std::string>("schema"));
  VLAQ_ASSIGN_OR_RETURN(const std::string mode, read.Get<std::string>("mode"));
  if (schema != kSchema || mode != kMode) {
    return InputError(where, fmt::format("this is '{}' of mode '{}', not a simulation of '{}'", schema, mode, kSchema));
  }
  SimEvaluation e;
  VLAQ_ASSIGN_OR_RETURN(e.vlaq_version, read.Get<std::string>("vlaq_version"));
  VLAQ_ASSIGN_OR_RETURN(e.first_seed, read.Get<uint64_t>("first_seed"));
  VLAQ_ASSIGN_OR_RETURN(e.episodes, read.Get<uint64_t>("episodes"));
  VLAQ_ASSIGN_OR_RETURN(e.shard, read.Get<uint64_t>("shard"));
  VLAQ_ASSIGN_OR_RETURN(e.shards, read.Get<uint64_t>("shards"));
  if (e.shards < 1 || e.shards > e.episodes || e.episodes > kMostEpisodes || e.shard >= e.shards) {
    return InputError(where, fmt::format("shard {} of {} for {} episodes", e.shard, e.shards, e.episodes));
  }
  VLAQ_ASSIGN_OR_RETURN(const auto world, read.Child("world"));
  const Reader read_world(world.get(), where + ": world");
  VLAQ_ASSIGN_OR_RETURN(e.world.width, read_world.Get<int>("width"));
  VLAQ_ASSIGN_OR_RETURN(e.world.height, read_world.Get<int>("height"));
  VLAQ_ASSIGN_OR_RETURN(e.world.dynamics, read_world.Get<bool>("dynamics"));
  VLAQ_ASSIGN_OR_RETURN(e.world.noise, read_world.Get<bool>("noise"));
  VLAQ_ASSIGN_OR_RETURN(e.world.frame_loss, read_world.Get<bool>("frame_loss"));
  VLAQ_ASSIGN_OR_RETURN(const auto policy, read.Child("policy"));
  VLAQ_ASSIGN_OR_RETURN(e.policy, ContestantFrom(policy.get(), where + ": policy"));
  VLAQ_RETURN_IF_ERROR(CheckSeeds(e, e.policy, where + ": policy"));
  if (json.contains("against")) {
    VLAQ_ASSIGN_OR_RETURN(e.against, ContestantFrom(json["against"], where + ": against"));
    VLAQ_RETURN_IF_ERROR(CheckSeeds(e, *e.against, where + ": against"));
    if (!std::ranges::equal(e.policy.conditions, e.against->conditions, {}, &ConditionOutcomes::condition,
                            &ConditionOutcomes::condition)) {
      return InputError(where, "'policy' and 'against' drove under different conditions");
    }
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
    if (merged.against) Join(*part.against, *merged.against);
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

}  // namespace vlaq::evaluation
