#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "base/run_program.h"
#include "base/text.h"
#include "cli/checkpoint_settings.h"
#include "cli/commands.h"
#include "export/export.h"
#include "inspection/inspect.h"

namespace vlaq::cli {
namespace {

struct ExportArguments {
  CheckpointSettings settings;
  std::filesystem::path output;
  std::string precision = "fp32";
  std::string target = "portable";
  bool bake_prompt = false;
  bool force = false;
  bool json = false;
};

Result<exporting::ExportOptions> OptionsFrom(const ExportArguments& a) {
  VLAQ_ASSIGN_OR_RETURN(exporting::ExportOptions options, a.settings.Options());
  options.output = a.output;
  options.existing = WhenExisting(a.force);
  options.build.precision = families::FindStoredPrecision(a.precision).value_or(families::StoredPrecision::kFp32);
  options.build.bake_text = a.bake_prompt;
  return options;
}

Json AsJson(const exporting::ExportReport& report) {
  const bundle::Bundle& bundle = report.bundle;
  Json graphs = Json::object();
  for (const auto& [role, file] : bundle.graphs) graphs[role] = file.file;
  const std::string& family = bundle.policy.family;
  return {{"schema", "vlaq.export/1"},
          {"bundle", bundle.path.string()},
          {"architecture", family},
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
          {"assumptions", inspection::AssumptionsAsJson(family, bundle.provenance.assumptions)},
          {"warnings", report.warnings},
          {"left_out", bundle.left_out}};
}

void PrintAssumptions(const std::string& family, const std::vector<bundle::Assumption>& assumptions,
                      std::ostream& out) {
  if (assumptions.empty()) return;
  const bool any_hurts = std::any_of(assumptions.begin(), assumptions.end(), [&](const auto& assumption) {
    return families::CanHurt(family, assumption.setting);
  });
  out << "\nAssumed, because nothing says otherwise" << (any_hurts ? " (!: a wrong guess drives wrong)" : "") << ":\n";
  for (const bool hurting : {true, false}) {
    for (const bundle::Assumption& assumption : assumptions) {
      if (families::CanHurt(family, assumption.setting) != hurting) continue;
      out << fmt::format("  {} {}\n", hurting ? "!" : "-", Printable(assumption.text));
    }
  }
}

// What proves more, ready to be pasted.
void PrintNext(const exporting::ExportReport& report, std::ostream& out) {
  const std::string bundle = ShellWord(report.bundle.path.string());
  const std::string checkpoint = ShellWord(report.checkpoint.string());
  const std::string& taken = report.bundle.provenance.state_dict;
  const std::string state_dict = taken.empty() ? "" : " --state-dict " + ShellWord(taken);
  out << fmt::format(
      "\nNext:\n  vlaq golden {0} --frames SRC -o golden.safetensors{1}    (what PyTorch computes)\n"
      "  vlaq verify {2} --against {0} --golden golden.safetensors{1}\n",
      checkpoint, state_dict, bundle);
  out << fmt::format("  vlaq verify {} --episodes DIR    (recorded episodes prove what was assumed)\n", bundle);
}

void Print(const exporting::ExportReport& report, std::ostream& out) {
  const bundle::Bundle& bundle = report.bundle;
  out << fmt::format("{}: {}, {}, {:.1f} s\n", bundle.path.string(), bundle.precision, HumanBytes(report.bytes),
                     report.seconds);
  out << fmt::format("{}: {}\n", report.checkpoint.string(), report.account.ToString());
  if (!report.found.empty()) out << fmt::format("took {} beside it\n", fmt::join(report.found, ", "));
  if (!report.stated.empty()) out << fmt::format("it says of itself: {}\n", fmt::join(report.stated, ", "));
  out << "\n";
  TextTable table({"file", "bytes", "what"});
  for (const auto& [name, file] : bundle.graphs) {
    const auto what = report.what.find(name);
    table.AddRow(
        {file.file, Grouped(static_cast<int64_t>(file.bytes)), what == report.what.end() ? name : what->second});
  }
  table.AddRow({bundle.weights.file, Grouped(static_cast<int64_t>(bundle.weights.bytes)),
                fmt::format("weights of all {} graphs", bundle.graphs.size())});
  out << table.ToString();
  PrintAssumptions(bundle.policy.family, bundle.provenance.assumptions, out);
  if (!bundle.left_out.empty()) {
    out << fmt::format("\nNot in the graphs: {}\n", Counted(bundle.left_out.size(), "tensor"));
    std::map<std::string, size_t> reasons;
    for (const auto& [name, reason] : bundle.left_out) ++reasons[reason];
    for (const auto& [reason, count] : reasons) out << fmt::format("  - {}: {}\n", count, Printable(reason));
  }
  PrintNext(report, out);
}

}  // namespace

Action AddExport(CLI::App& app, Context& context) {
  auto a = std::make_shared<ExportArguments>();
  app.add_option("-o,--output", a->output, "The bundle to write: a folder")->type_name("DIR")->required();
  a->settings.AddTo(app);
  app.add_flag("--bake-prompt", a->bake_prompt, "Fix the instruction in every graph; the policy takes no other")
      ->group(std::string(kTaskGroup));
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
      "  vlaq export trained/ -o policy\n"
      "  vlaq export model.pth -o policy --set window=4\n"
      "  vlaq export model.pth -o policy --instruction 'go to the bottle' --tokenizer sentencepiece.bpe.model\n"
      "  vlaq export micro.pth -o micro --config config.json --policy policy.json");
  return [a, &context]() -> Status {
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
