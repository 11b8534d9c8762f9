#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/verbs.h"
#include "export/export.h"

namespace vlaq::cli {
namespace {

struct ExportArguments {
  std::filesystem::path checkpoint, output, config, policy, tokenizer;
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
  options.existing = WhenExisting(a.force);
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
  return {{"schema", "vlaq.export/1"},
          {"bundle", bundle.path.string()},
          {"architecture", bundle.spec.architecture},
          {"precision", bundle.precision},
          {"graphs", std::move(graphs)},
          {"tensors", report.checkpoint_tensors},
          {"weights", report.weights},
          {"bytes", report.bytes},
          {"seconds", report.seconds},
          {"assumptions", bundle.provenance.assumptions},
          {"warnings", report.warnings},
          {"left_out", bundle.left_out}};
}

void Print(const exporting::ExportReport& report, std::ostream& out) {
  const bundle::Bundle& bundle = report.bundle;
  const policy::PolicySpec& spec = bundle.spec;
  out << fmt::format("{}: {} tensors -> {} weights, {}, {}, {:.1f} s\n\n", bundle.path.string(),
                     report.checkpoint_tensors, report.weights, bundle.precision, HumanBytes(report.bytes),
                     report.seconds);
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
  if (!bundle.provenance.assumptions.empty()) {
    out << "\nAssumed, because nothing says otherwise:\n";
    for (const std::string& text : bundle.provenance.assumptions) out << "  - " << Printable(text) << "\n";
  }
  if (!bundle.left_out.empty()) {
    out << fmt::format("\nNot in the graphs: {} tensor{}\n", bundle.left_out.size(),
                       bundle.left_out.size() == 1 ? "" : "s");
    std::map<std::string, size_t> reasons;
    for (const auto& [name, reason] : bundle.left_out) ++reasons[reason];
    for (const auto& [reason, count] : reasons) out << fmt::format("  - {}: {}\n", count, Printable(reason));
  }
}

}  // namespace

Action AddExport(CLI::App& app, Context& context) {
  auto a = std::make_shared<ExportArguments>();
  app.add_option("checkpoint", a->checkpoint, "The checkpoint: .pth, .pt, .safetensors or model.safetensors.index.json")
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
