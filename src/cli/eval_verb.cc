#include <fmt/format.h>

#include <charconv>

#include "base/hash.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/parallel.h"
#include "cli/eval_text.h"
#include "cli/policy_choice.h"
#include "cli/verbs.h"
#include "cli/world_choice.h"
#include "evaluation/process_driver.h"
#include "evaluation/sim_evaluation.h"

namespace vlaq::cli {
namespace {

using evaluation::Condition;
using evaluation::Contestant;
using evaluation::RolloutOptions;
using evaluation::SimEvaluation;

struct Arguments {
  std::filesystem::path bundle, against, output, tokenizer;
  std::string against_driver, episodes, shard = "0/1";
  std::vector<std::string> conditions{"normal"};
  uint64_t seed = 5'000'000;
  bool sim = false;
  bool expert = false;
  bool force = false;
  bool json = false;
  WorldChoice world;
  BackendChoice backend;
};

Result<uint64_t> ParseCount(const std::string& text) {
  uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec == std::errc() && parsed.ptr == end && value > 0) return value;
  return UsageError(fmt::format("--episodes '{}' is no number of episodes", text),
                    "with --sim, say how many: --episodes 100");
}

// "1/4" -> shard 1 of 4.
Status ParseShard(const std::string& text, RolloutOptions& options) {
  const char* end = text.data() + text.size();
  const auto index = std::from_chars(text.data(), end, options.shard);
  const bool slash = index.ec == std::errc() && index.ptr != end && *index.ptr == '/';
  const auto count = slash ? std::from_chars(index.ptr + 1, end, options.shards) : index;
  const bool fits = slash && count.ec == std::errc() && count.ptr == end && options.shard < options.shards;
  if (fits && options.shards <= options.episodes) return {};
  return UsageError(fmt::format("--shard '{}' is no part of {} episodes", text, options.episodes),
                    "give i/n with i from 0 to n - 1, and n at most the number of episodes");
}

Result<RolloutOptions> Options(const Arguments& a) {
  RolloutOptions options;
  options.first_seed = a.seed;
  VLAQ_ASSIGN_OR_RETURN(options.episodes, ParseCount(a.episodes));
  VLAQ_RETURN_IF_ERROR(ParseShard(a.shard, options));
  VLAQ_ASSIGN_OR_RETURN(options.world, a.world.Options());
  options.threads = a.backend.threads > 0 ? a.backend.threads : HardwareThreads();
  return options;
}

std::vector<Condition> Conditions(const Arguments& a) {
  std::vector<Condition> conditions;
  for (const std::string& name : a.conditions) {
    if (name == "all") return evaluation::AllConditions();
    conditions.push_back(*evaluation::FindCondition(name));  // OneOf() let no other name pass
  }
  return conditions;
}

// The policy's own hash: of the file that names the hash of everything else.
Result<std::string> BundleHash(const bundle::Bundle& bundle) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(bundle.path / bundle::kPolicyFile));
  return Sha256Hex(file->bytes());
}

Result<Contestant> Drive(const evaluation::DriverFactory& drivers, evaluation::Subject subject, const Arguments& a,
                         RolloutOptions options, Log& log) {
  Contestant contestant{std::move(subject), {}};
  for (const Condition condition : Conditions(a)) {
    options.condition = condition;
    VLAQ_ASSIGN_OR_RETURN(auto outcomes, evaluation::RollOut(drivers, options, log));
    contestant.conditions.push_back({condition, std::move(outcomes)});
  }
  return contestant;
}

Result<Contestant> DriveBundle(const Arguments& a, const std::filesystem::path& path, const backend::Backend& backend,
                               const RolloutOptions& options, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const auto factory, OpenPolicy(path, a.tokenizer, a.backend, backend));
  VLAQ_ASSIGN_OR_RETURN(std::string hash, BundleHash(factory->bundle()));
  return Drive(*factory, {"bundle", path.string(), std::move(hash)}, a, options, log);
}

Result<Contestant> DriveExpert(const Arguments& a, RolloutOptions options, Log& log) {
  Contestant contestant{{"expert", "scripted, sees the true state", ""}, {}};
  for (const Condition condition : Conditions(a)) {
    options.condition = condition;
    VLAQ_ASSIGN_OR_RETURN(auto outcomes, evaluation::RollOutExpert(options, log));
    contestant.conditions.push_back({condition, std::move(outcomes)});
  }
  return contestant;
}

Result<SimEvaluation> Simulate(const Arguments& a, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const RolloutOptions options, Options(a));
  SimEvaluation e{.first_seed = options.first_seed,
                  .episodes = options.episodes,
                  .shard = options.shard,
                  .shards = options.shards,
                  .world = options.world,
                  .policy = {},
                  .against = std::nullopt};
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  if (a.expert) {
    VLAQ_ASSIGN_OR_RETURN(e.policy, DriveExpert(a, options, log));
  } else {
    VLAQ_ASSIGN_OR_RETURN(e.policy, DriveBundle(a, a.bundle, *backend, options, log));
  }
  if (!a.against.empty()) {
    VLAQ_ASSIGN_OR_RETURN(e.against, DriveBundle(a, a.against, *backend, options, log));
  } else if (!a.against_driver.empty()) {
    evaluation::ActionSpace space{.scale = sim::kMaxSpeed};
    if (!a.expert) {
      VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(a.bundle));
      space.scale = bundle.spec.action_scale;
      space.action_dim = bundle.spec.action_dim;
    }
    const evaluation::ProcessDriverFactory factory(a.against_driver, space);
    VLAQ_ASSIGN_OR_RETURN(e.against, Drive(factory, {"program", a.against_driver, ""}, a, options, log));
  }
  return e;
}

Status Deliver(const Arguments& a, const SimEvaluation& evaluation, Context& context) {
  if (!a.output.empty()) {
    VLAQ_RETURN_IF_ERROR(WriteFile(a.output, ToJson(evaluation).dump(1) + "\n", WhenExisting(a.force)));
  }
  if (a.json) {
    PrintJson(ToJson(evaluation), context.out);
  } else {
    PrintEvaluation(evaluation, context.out);
  }
  return {};
}

Status Evaluate(const Arguments& a, Context& context) {
  if (a.bundle.empty() && !a.expert) return UsageError("name the bundle to evaluate", "or --sim --expert");
  if (a.episodes.empty()) return UsageError("--episodes is missing", "a folder of .h5 files, or a number with --sim");
  if (!a.sim) return UsageError("without --sim there is nothing to drive in", "add --sim");
  VLAQ_ASSIGN_OR_RETURN(const SimEvaluation evaluation, Simulate(a, context.log));
  return Deliver(a, evaluation, context);
}

Status MergeParts(const Arguments& a, const std::vector<std::string>& files, Context& context) {
  std::vector<SimEvaluation> parts;
  for (const std::string& file : files) {
    VLAQ_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(file));
    VLAQ_ASSIGN_OR_RETURN(SimEvaluation part, evaluation::SimEvaluationFromJson(json, file));
    parts.push_back(std::move(part));
  }
  VLAQ_ASSIGN_OR_RETURN(const SimEvaluation merged, evaluation::Merge(parts, files));
  return Deliver(a, merged, context);
}

}  // namespace

Action AddEval(CLI::App& app, Context& context) {
  auto a = std::make_shared<Arguments>();
  auto files = std::make_shared<std::vector<std::string>>();
  app.add_option("bundle", a->bundle, "The bundle that `vlaq export` made");
  app.add_option("--episodes", a->episodes, "With --sim: how many")->type_name("N");
  app.add_option("--against", a->against, "A second bundle, driven on the same episodes")->type_name("BUNDLE");
  app.add_option("-o,--output", a->output, "Also write the JSON document to this file")->type_name("FILE");
  const std::string group = "Closed loop";
  app.add_flag("--sim", a->sim, "Drive in the simulator")->group(group);
  app.add_option("--seed", a->seed, "Of the first episode; the next ones count up")
      ->type_name("UINT")
      ->capture_default_str()
      ->group(group);
  std::vector<std::string> names = evaluation::ConditionNames();
  names.emplace_back("all");
  OneOf(app.add_option("--condition", a->conditions, "What the policy is deprived of; several may be given"), names)
      ->group(group)
      ->capture_default_str();
  app.add_flag("--expert", a->expert, "Drive the scripted expert in place of a bundle")->group(group);
  app.add_option("--against-driver", a->against_driver,
                 "A second policy in another program; docs/eval.md has the protocol")
      ->type_name("COMMAND")
      ->group(group);
  app.add_option("--shard", a->shard, "Only part i (from 0) of n parts; join them with `vlaq eval merge`")
      ->type_name("i/n")
      ->capture_default_str()
      ->group(group);
  app.add_option("--tokenizer", a->tokenizer, "SentencePiece model; default: the bundle's own")->type_name("FILE");
  a->world.AddTo(app);
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  a->backend.AddTo(app);
  CLI::App* merge = app.add_subcommand("merge", "Join what the shards of one evaluation wrote");
  merge->add_option("parts", *files, "What `vlaq eval --shard i/n -o FILE` wrote, all n of them")->required();
  merge->add_option("-o,--output", a->output, "Write the joined document to this file")->type_name("FILE");
  AddForceFlag(*merge, a->force);
  AddJsonFlag(*merge, a->json);
  app.footer(
      "Examples:\n"
      "  vlaq eval mini --sim --episodes 100 --condition all\n"
      "  vlaq eval mini-int8 --sim --episodes 300 --against mini\n"
      "  vlaq eval mini --sim --episodes 300 --shard 0/4 -o part0.json\n"
      "  vlaq eval merge part0.json part1.json part2.json part3.json");
  return [a, files, merge, &context]() -> Status {
    return merge->parsed() ? MergeParts(*a, *files, context) : Evaluate(*a, context);
  };
}

}  // namespace vlaq::cli
