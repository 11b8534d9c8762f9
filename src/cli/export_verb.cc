#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "base/run_program.h"
#include "base/text.h"
#include "cli/verbs.h"
#include "export/export.h"

namespace vlaq::cli {
namespace {

struct ExportArguments {
  std::filesystem::path checkpoint, output, config, policy, tokenizer;
  std::string state_dict;
  std::vector<std::string> overrides;
  std::string instruction, prompt_ids, feature_source, prompt_layout;
  std::string precision = "fp32";
  std::string target = "portable";
  bool has_instruction = false;
  bool bake_prompt = false;
  bool force = false;
  bool json = false;
};

Result<exporting::ExportOptions> OptionsFrom(const ExportArguments& a) {
  exporting::ExportOptions options;
  options.checkpoint = a.checkpoint;
  options.output = a.output;
  options.state_dict = a.state_dict;
  options.existing = WhenExisting(a.force);
  options.settings.overrides = a.overrides;
  options.settings.config = a.config;
  options.settings.policy = a.policy;
  // The options take known names only; without one, the checkpoint and policy.json decide.
  options.settings.feature_source = policy::FindFeatureSource(a.feature_source);
  options.settings.prompt_layout = policy::FindPromptLayout(a.prompt_layout);
  options.build.precision =
      architecture::FindStoredPrecision(a.precision).value_or(architecture::StoredPrecision::kFp32);
  options.build.bake_prompt = a.bake_prompt;
  options.prompt.tokenizer = a.tokenizer;
  if (a.has_instruction) options.prompt.instruction = a.instruction;
  if (!a.prompt_ids.empty()) {
    VLAQ_ASSIGN_OR_RETURN(options.prompt.ids, ParseIds(a.prompt_ids, "--prompt-ids"));
  }
  return options;
}

Json AsJson(const exporting::ExportReport& report) {
  const bundle::Bundle& bundle = report.bundle;
  Json graphs = Json::object();
  for (const auto& [role, file] : bundle.graphs) graphs[role] = file.file;
  Json assumptions = Json::array();
  for (const bundle::Assumption& assumption : bundle.provenance.assumptions) {
    assumptions.push_back({{"setting", assumption.setting},
                           {"value", assumption.value},
                           {"text", assumption.text},
                           {"can_hurt", policy::CanHurt(assumption.setting)}});
  }
  return {{"schema", "vlaq.export/1"},
          {"bundle", bundle.path.string()},
          {"architecture", bundle.spec.architecture},
          {"precision", bundle.precision},
          {"graphs", std::move(graphs)},
          {"checkpoint", report.checkpoint.string()},
          {"found", report.found},
          {"stated", report.stated},
          {"tensors", report.account.tensors},
          {"weights", report.account.weights},
          {"joined", report.account.joined},
          {"shared", report.account.shared},
          {"computed", report.account.computed},
          {"bytes", report.bytes},
          {"seconds", report.seconds},
          {"assumptions", std::move(assumptions)},
          {"warnings", report.warnings},
          {"left_out", bundle.left_out}};
}

void PrintAssumptions(const std::vector<bundle::Assumption>& assumptions, std::ostream& out) {
  if (assumptions.empty()) return;
  const bool any_hurts = std::any_of(assumptions.begin(), assumptions.end(),
                                     [](const auto& assumption) { return policy::CanHurt(assumption.setting); });
  out << "\nAssumed, because nothing says otherwise" << (any_hurts ? " (!: a wrong guess drives wrong)" : "") << ":\n";
  for (const bool hurting : {true, false}) {
    for (const bundle::Assumption& assumption : assumptions) {
      if (policy::CanHurt(assumption.setting) != hurting) continue;
      out << fmt::format("  {} {}\n", hurting ? "!" : "-", Printable(assumption.text));
    }
  }
}

// What proves more, ready to be pasted.
void PrintNext(const exporting::ExportReport& report, std::ostream& out) {
  const std::string bundle = ShellWord(report.bundle.path.string());
  const std::string& state_dict = report.bundle.provenance.state_dict;
  out << fmt::format("\nNext:\n  vlaq verify {} --against {}{}\n", bundle, ShellWord(report.checkpoint.string()),
                     state_dict.empty() ? "" : fmt::format("  (holds {})", state_dict));
  out << fmt::format("  vlaq verify {} --episodes DIR    (recorded episodes prove what was assumed)\n", bundle);
}

void Print(const exporting::ExportReport& report, std::ostream& out) {
  const bundle::Bundle& bundle = report.bundle;
  const policy::PolicySpec& spec = bundle.spec;
  out << fmt::format("{}: {}, {}, {:.1f} s\n", bundle.path.string(), bundle.precision, HumanBytes(report.bytes),
                     report.seconds);
  out << fmt::format("{}: {}\n", report.checkpoint.string(), report.account.ToString());
  if (!report.found.empty()) out << fmt::format("took {} beside it\n", fmt::join(report.found, ", "));
  if (!report.stated.empty()) out << fmt::format("it says of itself: {}\n", fmt::join(report.stated, ", "));
  out << "\n";
  TextTable table({"file", "bytes", "what"});
  const std::string frame = fmt::format("3, {0}, {0}]", spec.preprocess.image_size);
  const std::string prompt = bundle.baked_prompt ? "" : " + prompt";
  const auto row = [&](std::string_view role, const std::string& what) {
    const bundle::FileRecord& file = bundle.graphs.find(role)->second;
    table.AddRow({file.file, Grouped(static_cast<int64_t>(file.bytes)), what});
  };
  row(bundle::kWhole, fmt::format("whole policy: pixel_values [batch, window, {} -> actions [batch, {}, {}]", frame,
                                  spec.chunk, spec.action_dim));
  row(bundle::kEncoder,
      fmt::format("one frame: pixel_values [batch, {}{} -> feature [batch, {}]", frame, prompt, spec.lstm_input));
  row(bundle::kHead, fmt::format("the rest: features [batch, window, {}] -> actions [batch, {}, {}]", spec.lstm_input,
                                 spec.chunk, spec.action_dim));
  table.AddRow(
      {bundle.weights.file, Grouped(static_cast<int64_t>(bundle.weights.bytes)), "weights of all three graphs"});
  out << table.ToString();
  PrintAssumptions(bundle.provenance.assumptions, out);
  if (!bundle.left_out.empty()) {
    out << fmt::format("\nNot in the graphs: {} tensor{}\n", bundle.left_out.size(),
                       bundle.left_out.size() == 1 ? "" : "s");
    std::map<std::string, size_t> reasons;
    for (const auto& [name, reason] : bundle.left_out) ++reasons[reason];
    for (const auto& [reason, count] : reasons) out << fmt::format("  - {}: {}\n", count, Printable(reason));
  }
  PrintNext(report, out);
}

}  // namespace

Action AddExport(CLI::App& app, Context& context) {
  auto a = std::make_shared<ExportArguments>();
  app.add_option("checkpoint", a->checkpoint,
                 "The checkpoint: .pth, .pt, .safetensors, model.safetensors.index.json, or a folder that holds one; "
                 "config.json, policy.json and sentencepiece.bpe.model beside it are taken unless others are given")
      ->required();
  app.add_option("-o,--output", a->output, "The bundle to write: a folder")->type_name("DIR")->required();
  const std::string model = "What the checkpoint does not say";
  app.add_option("--config", a->config,
                 "transformers' Kosmos2Config; default: the published Kosmos-2, if the shapes agree")
      ->type_name("config.json")
      ->group(model);
  app.add_option("--policy", a->policy, "Feature source, layout, preprocessing, window, chunk, scale, prompt")
      ->type_name("policy.json")
      ->group(model);
  OneOf(app.add_option("--feature-source", a->feature_source, "What feeds the LSTM"), policy::FeatureSourceNames())
      ->group(model);
  OneOf(app.add_option("--prompt-layout", a->prompt_layout, "How the prompt stands around the image"),
        policy::PromptLayoutNames())
      ->group(model);
  app.add_option("--state-dict", a->state_dict,
                 "Key of the state dict to take, where a .pth holds several, such as ema_state_dict")
      ->type_name("KEY")
      ->group(model);
  app.add_option(
         "--override", a->overrides,
         "Setting of policy.json for which the given or default value holds although the checkpoint says another")
      ->type_name("KEY")
      ->allow_extra_args(false)
      ->group(model);
  const std::string prompt = "Prompt (baked into the whole-policy graph; the encoder takes any prompt at run time)";
  auto* instruction =
      app.add_option("--instruction", a->instruction, "The instruction; needs --tokenizer")->group(prompt);
  app.add_option("--tokenizer", a->tokenizer, "SentencePiece model; copied into the bundle")
      ->type_name("sentencepiece.bpe.model")
      ->group(prompt);
  app.add_option("--prompt-ids", a->prompt_ids, "Token ids as the encoder takes them")
      ->type_name("ID,ID,...")
      ->excludes(instruction)
      ->group(prompt);
  app.add_flag("--bake-prompt", a->bake_prompt, "Bake the prompt into the encoder, too")->group(prompt);
  const std::string result = "Result";
  OneOf(app.add_option("--precision", a->precision, "How weights are stored; graphs compute in fp32"),
        {"fp32", "fp16", "bf16-as-stored"})
      ->capture_default_str()
      ->group(result);
  OneOf(app.add_option("--target", a->target, "What the graphs must run on; portable: any ONNX runtime, opset 17"),
        {"portable"})
      ->capture_default_str()
      ->group(result);
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  app.footer(
      "Examples:\n"
      "  vlaq export trained/ -o mae0222\n"
      "  vlaq export best_simple_lstm_model.pth -o mae0222\n"
      "  vlaq export model.pth -o mae0222 --instruction 'go to the bottle' --tokenizer sentencepiece.bpe.model\n"
      "  vlaq export micro.pth -o micro --config config.json --policy policy.json");
  return [a, instruction, &context]() -> Status {
    a->has_instruction = instruction->count() > 0;
    VLAQ_ASSIGN_OR_RETURN(const exporting::ExportOptions options, OptionsFrom(*a));
    VLAQ_ASSIGN_OR_RETURN(const exporting::ExportReport report, exporting::Export(options, context.log));
    if (a->json) {
      PrintJson(AsJson(report), context.out);
    } else {
      Print(report, context.out);
    }
    return {};
  };
}

}  // namespace vlaq::cli
