#include "cli/check_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace vlaq::cli {
namespace {

using check::Finding;
using check::Outcome;
using check::Report;
using target::Rule;
using target::Severity;

// So many places where one rule is broken are shown; --json has all.
constexpr size_t kShownPlaces = 5;

std::string PlaceText(const Finding& finding) {
  std::string text = finding.graph;
  if (!finding.op_type.empty()) text += fmt::format(": {} '{}'", finding.op_type, finding.node);
  if (!finding.tensor.empty()) text += fmt::format(", tensor '{}'", finding.tensor);
  return Printable(text + ": " + finding.detail);
}

// Findings of one rule, which CheckModel gives graph by graph.
std::vector<std::pair<const Rule*, std::vector<const Finding*>>> ByRule(const std::vector<Finding>& findings) {
  std::vector<std::pair<const Rule*, std::vector<const Finding*>>> groups;
  for (const Finding& finding : findings) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == finding.rule; });
    if (group == groups.end()) group = groups.insert(group, {finding.rule, {}});
    group->second.push_back(&finding);
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.first->severity > b.first->severity; });
  return groups;
}

Json AsJson(const Rule& rule) {
  return {{"id", rule.id},
          {"applies", target::AppliesText(rule.applies)},
          {"severity", target::SeverityName(rule.severity)},
          {"reason", rule.meaning},
          {"fix", rule.fix},
          {"source", rule.source}};
}

std::string VerdictText(const Report& report) {
  const size_t errors = report.Count(Severity::kError);
  if (errors > 0) return fmt::format("TensorRT {} will not take it: {} errors", report.version->name, errors);
  return fmt::format("no rule of TensorRT {} is broken; its own importer has the last word", report.version->name);
}

bool IsQuiet(const Rule& rule, const Report& report) {
  return report.own && (rule.severity == Severity::kNote || (rule.severity == Severity::kWarning && rule.by_design));
}

std::string SummaryText(const Report& report) {
  int64_t nodes = 0;
  for (const auto& graph : report.graphs) nodes += graph.nodes;
  return fmt::format("{} rules looked at, {} graphs, {} nodes: {} errors, {} warnings, {} notes", report.rules,
                     report.graphs.size(), Grouped(nodes), report.Count(Severity::kError),
                     report.Count(Severity::kWarning), report.Count(Severity::kNote));
}

}  // namespace

std::string RuleTable() {
  std::string table =
      "| rule | TensorRT | severity | what TensorRT does | what to emit | source |\n|---|---|---|---|---|---|\n";
  for (const Rule& rule : target::kTensorRtRules) {
    table += fmt::format("| {} | {} | {} | {} | {} | {} |\n", rule.id, target::AppliesText(rule.applies),
                         target::SeverityName(rule.severity), rule.meaning, rule.fix, rule.source);
  }
  return table;
}

Json RulesAsJson() {
  Json rules = Json::array();
  for (const Rule& rule : target::kTensorRtRules) rules.push_back(AsJson(rule));
  return {{"schema", "vlaq.check-rules/1"}, {"rules", std::move(rules)}};
}

std::string CheckText(const Report& report, const std::string& path, bool all) {
  std::string text = fmt::format("{}: TensorRT {} ({})\n", path, report.version->name, report.version->boards);
  size_t hidden = 0;
  for (const auto& [rule, findings] : ByRule(report.findings)) {
    if (!all && IsQuiet(*rule, report)) {
      hidden += findings.size();
      continue;
    }
    text += fmt::format("\n{} {}, {}x: {}\n", target::SeverityName(rule->severity), rule->id, findings.size(),
                        rule->meaning);
    for (size_t i = 0; i < std::min(findings.size(), kShownPlaces); ++i)
      text += fmt::format("  {}\n", PlaceText(*findings[i]));
    if (findings.size() > kShownPlaces) text += fmt::format("  and {} more\n", findings.size() - kShownPlaces);
    text += fmt::format("  emit: {}\n", rule->fix);
  }
  if (hidden > 0) {
    text += fmt::format(
        "\nnot shown: {} notes, and warnings about what vlaq does by design or quantize fixes; --all "
        "shows them\n",
        hidden);
  }
  return text + fmt::format("\n{}\n{}\n", SummaryText(report), VerdictText(report));
}

Json CheckJson(const Report& report, const std::string& path) {
  Json graphs = Json::array();
  for (const auto& graph : report.graphs) {
    graphs.push_back({{"graph", graph.name}, {"bytes", graph.bytes}, {"nodes", graph.nodes}});
  }
  Json findings = Json::array();
  for (const Finding& finding : report.findings) {
    Json json = AsJson(*finding.rule);
    json.update({{"graph", finding.graph},
                 {"node", finding.node},
                 {"op_type", finding.op_type},
                 {"tensor", finding.tensor},
                 {"detail", finding.detail},
                 {"by_design", report.own && finding.rule->by_design}});
    findings.push_back(std::move(json));
  }
  return {{"schema", "vlaq.check/1"},
          {"path", path},
          {"tensorrt", report.version->name},
          {"rules", report.rules},
          {"errors", report.Count(Severity::kError)},
          {"warnings", report.Count(Severity::kWarning)},
          {"notes", report.Count(Severity::kNote)},
          {"accepted", report.Count(Severity::kError) == 0},
          {"graphs", std::move(graphs)},
          {"findings", std::move(findings)}};
}

std::string FixText(const check::Fixed& fixed, const std::string& output, bool all) {
  std::string text;
  size_t done = 0;
  // Alike ones are told together: a rule, and what was done or why nothing was.
  std::vector<std::pair<const Outcome*, std::vector<const Outcome*>>> groups;
  for (const Outcome& outcome : fixed.outcomes) {
    done += outcome.fixed ? 1 : 0;
    const Rule& rule = *outcome.finding.rule;
    if (!all && !outcome.fixed && (rule.severity == Severity::kNote || IsQuiet(rule, fixed.before))) continue;
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) {
      return g.first->finding.rule == outcome.finding.rule && g.first->fixed == outcome.fixed &&
             g.first->how == outcome.how;
    });
    if (group == groups.end()) group = groups.insert(group, {&outcome, {}});
    group->second.push_back(&outcome);
  }
  for (const auto& [first, outcomes] : groups) {
    text += fmt::format("{} {} {}, {}x: {}\n", first->fixed ? "fixed" : "NOT fixed",
                        target::SeverityName(first->finding.rule->severity), first->finding.rule->id, outcomes.size(),
                        Printable(first->how));
    for (size_t i = 0; i < std::min(outcomes.size(), kShownPlaces); ++i) {
      text += fmt::format("  {}\n", PlaceText(outcomes[i]->finding));
    }
    if (outcomes.size() > kShownPlaces) text += fmt::format("  and {} more\n", outcomes.size() - kShownPlaces);
  }
  return text + fmt::format("\n{}: {} of {} findings fixed; {}\n{}\n", output, done, fixed.outcomes.size(),
                            SummaryText(fixed.after), VerdictText(fixed.after));
}

Json FixJson(const check::Fixed& fixed, const std::string& path, const std::string& output) {
  Json document = CheckJson(fixed.before, path);
  Json outcomes = Json::array();
  for (const Outcome& outcome : fixed.outcomes) {
    outcomes.push_back({{"id", outcome.finding.rule->id},
                        {"graph", outcome.finding.graph},
                        {"node", outcome.finding.node},
                        {"tensor", outcome.finding.tensor},
                        {"fixed", outcome.fixed},
                        {"how", outcome.how}});
  }
  document["fix"] = {{"output", output},
                     {"errors", fixed.after.Count(Severity::kError)},
                     {"warnings", fixed.after.Count(Severity::kWarning)},
                     {"notes", fixed.after.Count(Severity::kNote)},
                     {"accepted", fixed.after.Count(Severity::kError) == 0},
                     {"outcomes", std::move(outcomes)}};
  return document;
}

}  // namespace vlaq::cli
