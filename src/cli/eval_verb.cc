#include <fmt/format.h>

#include "base/json.h"
#include "cli/eval_arguments.h"
#include "cli/eval_text.h"
#include "cli/verbs.h"

namespace vlaq::cli {
namespace {

using evaluation::Condition;
using evaluation::SimEvaluation;

template <typename Evaluation>
Status Deliver(const EvalArguments& a, const Evaluation& evaluation, Context& context) {
  if (a.json) {
    PrintJson(ToJson(evaluation), context.out);
  } else {
    PrintEvaluation(evaluation, context.out);
  }
  if (a.output.empty()) return {};
  context.out.flush();  // hours of work: seen even if the file fails
  return WriteFile(a.output, JsonString(ToJson(evaluation), 1) + "\n", WhenExisting(a.force));
}

Status Evaluate(const EvalArguments& a, Context& context) {
  if (a.bundle.empty() && !a.expert) return UsageError("name the bundle to evaluate", "or --sim --expert");
  if (!a.bundle.empty() && a.expert) {
    return UsageError("--expert drives in place of a bundle", "leave BUNDLE out, or --expert");
  }
  if (a.episodes.empty()) return UsageError("--episodes is missing", "a folder of .h5 files, or a number with --sim");
  if (!a.sim) {
    if (a.expert || !a.against_driver.empty()) {
      return UsageError("the expert and other programs drive in the simulator only", "add --sim");
    }
    VLAQ_ASSIGN_OR_RETURN(const auto evaluation, EvaluateOpenLoop(a, context.log));
    return Deliver(a, evaluation, context);
  }
  VLAQ_ASSIGN_OR_RETURN(const SimEvaluation evaluation, EvaluateInSimulation(a, context.log));
  return Deliver(a, evaluation, context);
}

Status MergeParts(const EvalArguments& a, const std::vector<std::string>& files, Context& context) {
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

Result<std::vector<Condition>> ConditionsOf(const EvalArguments& a, const families::Traits& traits, Log& log) {
  std::vector<Condition> conditions;
  for (const std::string& name : a.conditions) {
    if (name == "all") {
      conditions = evaluation::ConditionsFor(traits, evaluation::AllConditions());
      if (conditions.size() < evaluation::AllConditions().size()) {
        log.Note(fmt::format("left out: {}, as no opposite of an instruction is known of the policy's family",
                             evaluation::Name(Condition::kSwapped)));
      }
      return conditions;
    }
    conditions.push_back(*evaluation::FindCondition(name));  // OneOf() let no other name pass
  }
  if (evaluation::ConditionsFor(traits, conditions).size() < conditions.size()) {
    return UsageError(fmt::format("--condition {}: no opposite of an instruction is known of the policy's family",
                                  evaluation::Name(Condition::kSwapped)),
                      "leave it out");
  }
  return conditions;
}

Action AddEval(CLI::App& app, Context& context) {
  auto a = std::make_shared<EvalArguments>();
  auto files = std::make_shared<std::vector<std::string>>();
  app.add_option("bundle", a->bundle, "The bundle that `vlaq export` made, or a checkpoint");
  app.add_option("--episodes", a->episodes, "A folder of recorded episodes, or one .h5 file; with --sim, how many")
      ->type_name("DIR|N");
  app.add_option("--against", a->against, "A second bundle, run on the same episodes and compared")
      ->type_name("BUNDLE");
  app.add_option("-o,--output", a->output, "Also write the JSON document to this file")->type_name("FILE");
  const std::string recorded = "Recorded episodes";
  a->recorded.AddPartsTo(app, nullptr, recorded);
  a->recorded.AddSkipBadTo(app, nullptr, recorded);
  a->recorded.AddOverlapTo(app, nullptr, recorded);
  const std::string group = "Closed loop";
  app.add_flag("--sim", a->sim, "Drive in the simulator")->group(group);
  app.add_option("--seed", a->seed, "Seed of the first episode; the next ones count up")
      ->type_name("UINT")
      ->capture_default_str()
      ->group(group);
  std::vector<std::string> names = evaluation::ConditionNames();
  names.emplace_back("all");
  OneOf(app.add_option("--condition", a->conditions,
                       "What is taken away from the policy (an ablation); several may be given"),
        names)
      ->group(group)
      ->capture_default_str();
  app.add_flag("--expert", a->expert, "Drive the scripted expert in place of a bundle")->group(group);
  app.add_option("--against-driver", a->against_driver, "A second policy in another program; docs/driving.md says how")
      ->type_name("COMMAND")
      ->group(group);
  app.add_option("--shard", a->shard, "Only part i (from 0) of n parts; join them with `vlaq eval merge`")
      ->type_name("i/n")
      ->capture_default_str()
      ->group(group);
  a->files.AddTo(app, "--policy,--policy-spec");
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
      "  vlaq eval policy --episodes held_out\n"
      "  vlaq eval policy --sim --episodes 100 --condition all\n"
      "  vlaq eval policy_int8 --sim --episodes 300 --against policy\n"
      "  vlaq eval policy --sim --episodes 300 --shard 0/4 -o part0.json\n"
      "  vlaq eval merge part0.json part1.json part2.json part3.json");
  return [a, files, merge, &context]() -> Status {
    return merge->parsed() ? MergeParts(*a, *files, context) : Evaluate(*a, context);
  };
}

}  // namespace vlaq::cli
