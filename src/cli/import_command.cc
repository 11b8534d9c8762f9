#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "base/run_program.h"
#include "base/text.h"
#include "cli/commands.h"
#include "families/onnx/import.h"
#include "inspection/inspect.h"
#include "policy/policy.h"

namespace vlaq::cli {
namespace {

namespace fs = std::filesystem;

struct ImportArguments {
  std::vector<std::string> files;
  fs::path output, policy, propose;
  bool force = false, json = false;
};

Result<policy::Policy> ReadImportPolicy(const fs::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  VLAQ_ASSIGN_OR_RETURN(policy::Policy policy, policy::ParsePolicy(json, path.string()));
  VLAQ_RETURN_IF_ERROR(policy::Validate(policy, path.string()));
  return policy;
}

Json ImportAsJson(const importing::ImportReport& report) {
  Json graphs = Json::array();
  for (const importing::ImportedGraph& graph : report.graphs) {
    const importing::Cleaning& cleaning = graph.cleaning;
    graphs.push_back({{"name", graph.name},
                      {"source", graph.source.string()},
                      {"file", graph.file.file},
                      {"bytes", graph.file.bytes},
                      {"producer", cleaning.producer},
                      {"opset", cleaning.opset},
                      {"functions", cleaning.functions},
                      {"former_inputs", cleaning.former_inputs},
                      {"unused", cleaning.unused},
                      {"constants", cleaning.constants},
                      {"brought_out", cleaning.brought_out},
                      {"aliases", cleaning.aliases},
                      {"named_nodes", cleaning.named_nodes},
                      {"sorted", cleaning.sorted}});
  }
  Json inputs = Json::object(), outputs = Json::object();
  for (const policy::Input& input : report.policy.inputs) {
    inputs[input.name] = {
        {"type", policy::Name(input.type)}, {"dtype", DTypeName(input.dtype)}, {"shape", input.shape}};
  }
  for (const policy::Output& output : report.policy.outputs) {
    outputs[output.name] = {{"dtype", DTypeName(output.dtype)}, {"shape", output.shape}};
  }
  return {{"schema", "vlaq.import/1"},
          {"bundle", report.bundle.path.string()},
          {"graphs", std::move(graphs)},
          {"inputs", std::move(inputs)},
          {"outputs", std::move(outputs)},
          {"initializers", report.initializers},
          {"weights", report.weights},
          {"in_graphs", report.in_graphs},
          {"shared", report.shared},
          {"bytes", report.bytes},
          {"seconds", report.seconds},
          {"assumptions", inspection::AssumptionsAsJson(report.bundle.policy.family, report.assumptions)}};
}

void PrintPorts(const policy::Policy& policy, std::ostream& out) {
  TextTable table({"", "name", "kind", "type", "shape"});
  for (const policy::Input& input : policy.inputs) {
    table.AddRow({"observes", Printable(input.name), std::string(policy::Name(input.type)),
                  std::string(DTypeName(input.dtype)), ShapeText(input.shape)});
  }
  for (const policy::Output& output : policy.outputs) {
    table.AddRow({"gives", Printable(output.name), "", std::string(DTypeName(output.dtype)), ShapeText(output.shape)});
  }
  out << "\n" << table.ToString();
}

void PrintAssumed(const std::vector<policy::Assumption>& assumptions, std::ostream& out) {
  if (assumptions.empty()) return;
  out << "\nAssumed, because nothing says otherwise:\n";
  for (const policy::Assumption& assumption : assumptions) out << "  - " << Printable(assumption.text) << "\n";
}

void PrintImport(const importing::ImportReport& report, std::ostream& out) {
  out << fmt::format("{}: {}, {}, {:.1f} s\n", report.bundle.path.string(), Counted(report.graphs.size(), "graph"),
                     HumanBytes(report.bytes), report.seconds);
  out << fmt::format("{} initializers -> {} weights: {} small ones stay in their graph, {} the same as another\n",
                     report.initializers, report.weights, report.in_graphs, report.shared);
  for (const importing::ImportedGraph& graph : report.graphs) {
    out << fmt::format("{}: opset {}, as it was{}\n", graph.file.file, graph.cleaning.opset,
                       graph.cleaning.producer.empty() ? "" : ", made by " + Printable(graph.cleaning.producer));
    for (const std::string& line : graph.cleaning.Lines()) out << "  " << Printable(line) << "\n";
  }
  PrintPorts(report.policy, out);
  PrintAssumed(report.assumptions, out);
}

std::vector<fs::path> PathsOf(const std::vector<std::string>& files) { return {files.begin(), files.end()}; }

Status ProposeOnly(const ImportArguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const importing::Proposal proposal, importing::ProposeFor(PathsOf(a.files)));
  VLAQ_RETURN_IF_ERROR(
      WriteFile(a.propose, JsonString(policy::PolicyToJson(proposal.policy), 1) + "\n", WhenExisting(a.force)));
  if (a.json) {
    PrintJson({{"schema", "vlaq.import/1"},
               {"policy", a.propose.string()},
               {"assumptions", inspection::AssumptionsAsJson(proposal.policy.family, proposal.assumptions)}},
              context.out);
    return {};
  }
  PrintPorts(proposal.policy, context.out);
  PrintAssumed(proposal.assumptions, context.out);
  std::string files;
  for (const std::string& file : a.files) files += ShellWord(file) + " ";
  context.out << fmt::format("\nNext: change {0}, then\n  vlaq import {1}--policy {0} -o BUNDLE\n",
                             ShellWord(a.propose.string()), files);
  return {};
}

Status RunImport(const ImportArguments& a, Context& context) {
  if (!a.propose.empty()) return ProposeOnly(a, context);
  if (a.output.empty()) return UsageError("-o is missing", "name the bundle to write, or --propose FILE");
  importing::ImportOptions options;
  options.files = PathsOf(a.files);
  options.output = a.output;
  options.existing = WhenExisting(a.force);
  if (!a.policy.empty()) {
    VLAQ_ASSIGN_OR_RETURN(options.policy, ReadImportPolicy(a.policy));
    options.policy_name = a.policy.string();
  }
  VLAQ_ASSIGN_OR_RETURN(const importing::ImportReport report, importing::Import(options, context.log));
  if (a.json) {
    PrintJson(ImportAsJson(report), context.out);
  } else {
    PrintImport(report, context.out);
  }
  return {};
}

}  // namespace

Action AddImport(CLI::App& app, Context& context) {
  auto a = std::make_shared<ImportArguments>();
  app.add_option("files", a->files, "The ONNX files of one policy, with their weights beside them")
      ->type_name("FILE.onnx")
      ->required();
  auto* output = app.add_option("-o,--output", a->output, "The bundle to write: a folder")->type_name("DIR");
  auto* policy =
      app.add_option("--policy", a->policy, "The policy, instead of one proposed from the graphs' inputs and outputs")
          ->type_name("FILE");
  app.add_option("--propose", a->propose, "Only write the proposed policy, to be changed and given with --policy")
      ->type_name("FILE")
      ->excludes(output)
      ->excludes(policy);
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  app.footer(
      "Examples:\n"
      "  vlaq import act.onnx -o act\n"
      "  vlaq import encoder.onnx head.onnx -o policy\n"
      "  vlaq import act.onnx --propose policy.json, then\n"
      "  vlaq import act.onnx --policy policy.json -o act");
  return [a, &context]() -> Status { return RunImport(*a, context); };
}

}  // namespace vlaq::cli
