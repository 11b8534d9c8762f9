#include <fmt/format.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/eval_arguments.h"
#include "cli/eval_text.h"

namespace vlaq::cli {
namespace {

using evaluate::Ablation;
using evaluate::SimEvaluation;

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
  if (a.bundle.empty() && !a.expert) return UsageError("name the bundle to evaluate", "or --expert");
  if (!a.bundle.empty() && a.expert) {
    return UsageError("--expert drives in place of a bundle", "leave BUNDLE out, or --expert");
  }
  if (a.recorded.given() == (a.rollouts > 0)) {
    return UsageError(
        a.recorded.given() ? "--episodes and --rollouts are two evaluations" : "there is nothing to evaluate on",
        "give --episodes DIR (recorded), or --rollouts N (driven in the simulator)");
  }
  if (a.rollouts == 0) {
    if (a.expert || !a.reference_program.empty()) {
      return UsageError("the expert and other programs drive in the simulator only", "give --rollouts N");
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
    VLAQ_ASSIGN_OR_RETURN(SimEvaluation part, evaluate::SimEvaluationFromJson(json, file));
    parts.push_back(std::move(part));
  }
  VLAQ_ASSIGN_OR_RETURN(const SimEvaluation merged, evaluate::Merge(parts, files));
  return Deliver(a, merged, context);
}

}  // namespace

Result<std::vector<Ablation>> AblationsOf(const EvalArguments& a, const families::Traits& traits, Log& log) {
  std::vector<Ablation> ablations;
  for (const std::string& name : a.ablations) {
    if (name == "all") {
      ablations = evaluate::AblationsFor(traits, evaluate::AllAblations());
      if (ablations.size() < evaluate::AllAblations().size()) {
        log.Note(fmt::format("left out: {}, as no opposite of an instruction is known of the policy's family",
                             evaluate::Name(Ablation::kSwappedInstruction)));
      }
      return ablations;
    }
    ablations.push_back(*evaluate::FindAblation(name));  // OneOf() let no other name pass
  }
  if (evaluate::AblationsFor(traits, ablations).size() < ablations.size()) {
    return UsageError(fmt::format("--ablation {}: no opposite of an instruction is known of the policy's family",
                                  evaluate::Name(Ablation::kSwappedInstruction)),
                      "leave it out");
  }
  return ablations;
}

Action AddEval(CLI::App& app, Context& context) {
  auto a = std::make_shared<EvalArguments>();
  auto files = std::make_shared<std::vector<std::string>>();
  app.add_option("bundle", a->bundle, "The bundle that `vlaq export` made, or a checkpoint");
  app.add_option("--reference", a->reference, "A second bundle or checkpoint, run on the same episodes and compared")
      ->type_name("BUNDLE");
  app.add_option("-o,--output", a->output, "Also write the JSON document to this file")->type_name("FILE");
  const std::string recorded = "Recorded episodes";
  CLI::Option* episodes = a->recorded.AddTo(app, "A folder of recorded episodes, or one .h5 file", recorded);
  a->recorded.AddSkipBadTo(app, episodes, recorded);
  a->recorded.AddOverlapTo(app, episodes, recorded);
  const std::string group = "Closed loop";
  app.add_option("--rollouts", a->rollouts, "Episodes to drive in the simulator")
      ->check(CLI::Range(uint64_t{1}, evaluate::kMaxEpisodes))
      ->type_name("N")
      ->group(group);
  app.add_option("--seed", a->seed, "Seed of the first episode; the next ones count up")
      ->type_name("UINT")
      ->capture_default_str()
      ->group(group);
  std::vector<std::string> names = evaluate::AblationNames();
  names.emplace_back("all");
  OneOf(app.add_option(
            "--ablation", a->ablations,
            "What is taken away from the policy, on recorded episodes or in the simulator; several may be given"),
        names)
      ->group(group)
      ->capture_default_str();
  app.add_flag("--expert", a->expert, "Drive the scripted expert in place of a bundle")->group(group);
  app.add_option("--reference-program", a->reference_program,
                 "A second policy in another program; docs/driving.md says how")
      ->type_name("COMMAND")
      ->group(group);
  app.add_option("--shard", a->shard, "Only part i (from 0) of n parts; join them with `vlaq eval merge`")
      ->type_name("i/n")
      ->capture_default_str()
      ->group(group);
  a->files.AddTo(app);
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
      "  vlaq eval policy --rollouts 100 --ablation all\n"
      "  vlaq eval policy_int8 --rollouts 300 --reference policy\n"
      "  vlaq eval policy --rollouts 300 --shard 0/4 -o part0.json\n"
      "  vlaq eval merge part0.json part1.json part2.json part3.json");
  return [a, files, merge, &context]() -> Status {
    return merge->parsed() ? MergeParts(*a, *files, context) : Evaluate(*a, context);
  };
}

}  // namespace vlaq::cli
