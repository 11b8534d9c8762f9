#include <fmt/format.h>

#include "base/json.h"
#include "cli/check_text.h"
#include "cli/commands.h"

namespace vlaq::cli {
namespace {

struct GraphCheckArguments {
  std::filesystem::path path, output;
  std::string tensorrt;
  bool list_rules = false, fix = false, all = false, force = false, json = false;
};

Status StatusOfReport(const check::Report& report, const std::string& path) {
  const size_t errors = report.Count(target::Severity::kError);
  if (errors == 0) return {};
  return Error{ErrorCode::kVerification,
               fmt::format("{} findings for which TensorRT {} refuses or misreads it", errors, report.version->name),
               path, "each says above what to emit instead"};
}

Status Fix(const GraphCheckArguments& a, const check::Version& version, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const check::Fixed fixed, check::Fix(a.path, version, a.output, WhenExisting(a.force)));
  if (a.json) {
    PrintJson(FixJson(fixed, a.path.string(), a.output.string()), context.out);
  } else {
    context.out << FixText(fixed, a.output.string(), a.all);
  }
  return StatusOfReport(fixed.after, a.output.string());
}

// The version that was asked for, or the one that the bundle was quantized for.
Result<std::string> VersionOf(const GraphCheckArguments& a) {
  if (!a.tensorrt.empty()) return a.tensorrt;
  VLAQ_ASSIGN_OR_RETURN(const std::string version, check::VersionOfBundle(a.path));
  if (!version.empty()) return version;
  return UsageError("--tensorrt VERSION is missing", "known are " + target::ImporterNames());
}

Status Check(const GraphCheckArguments& a, Context& context) {
  if (a.list_rules) {
    if (a.json) {
      PrintJson(RulesAsJson(), context.out);
    } else {
      context.out << RuleTable();
    }
    return {};
  }
  if (a.path.empty()) return UsageError("what to look at is missing", "give a bundle or an .onnx file");
  VLAQ_ASSIGN_OR_RETURN(const std::string name, VersionOf(a));
  VLAQ_ASSIGN_OR_RETURN(const check::Version* version, target::FindImporter(name));
  if (a.fix != !a.output.empty()) {
    return UsageError(a.fix ? "--fix needs -o OUT: nothing is changed in place" : "-o OUT is for --fix");
  }
  if (a.fix) return Fix(a, *version, context);
  VLAQ_ASSIGN_OR_RETURN(const check::Report report, check::CheckPath(a.path, *version));
  if (a.json) {
    PrintJson(CheckJson(report, a.path.string()), context.out);
  } else {
    context.out << CheckText(report, a.path.string(), a.all);
  }
  return StatusOfReport(report, a.path.string());
}

}  // namespace

Action AddCheck(CLI::App& app, Context& context) {
  auto a = std::make_shared<GraphCheckArguments>();
  app.add_option("path", a->path, "A bundle, all of whose graphs are looked at, or an .onnx file")
      ->type_name("BUNDLE|FILE");
  app.add_option("--tensorrt", a->tensorrt,
                 "TensorRT's version whose rules apply (8.6, 10.3; a patch such as 8.6.2 is the same); default: the "
                 "one that the bundle was quantized for")
      ->type_name(fmt::format("{{{}}}", target::ImporterNames(",")));
  app.add_flag("--fix", a->fix, "Write a copy with every finding fixed that can be without changing a number");
  app.add_option("-o,--output", a->output, "The copy: a folder for a bundle, else a file")->type_name("OUT");
  AddForceFlag(app, a->force);
  app.add_flag("--all", a->all, "Show of a bundle also the notes, and warnings about what vlaq does by design");
  app.add_flag("--list-rules", a->list_rules, "Print all rules instead, as Markdown or with --json");
  AddJsonFlag(app, a->json);
  app.footer(
      "Exit code 5 if a rule of severity error is broken (with --fix: still is); warnings and notes do not fail.\n\n"
      "Examples:\n"
      "  vlaq check policy_trt --tensorrt 8.6\n"
      "  vlaq check somebody_elses.onnx --tensorrt 10.3 --json\n"
      "  vlaq check somebody_elses.onnx --tensorrt 8.6 --fix -o mine.onnx");
  return [a, &context]() -> Status { return Check(*a, context); };
}

}  // namespace vlaq::cli
