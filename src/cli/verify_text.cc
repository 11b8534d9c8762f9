#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/json.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/verify_arguments.h"

namespace vlaq::cli {
namespace {

std::string StageName(int stage) {
  static const std::map<int, std::string> names{{0, "0 identity"},  {1, "1 numerics"}, {2, "2 execution"},
                                                {3, "3 open loop"}, {4, "4 ablation"}, {5, "5 closed loop"}};
  return names.at(stage);
}

Json RecordJson(const bundle::FileRecord& record) { return {{"file", record.file}, {"sha256", record.sha256}}; }

Json CheckJson(const verify::Check& check) {
  Json figures = Json::object();
  for (const auto& [name, value] : check.figures) figures[name] = value;
  return {{"stage", check.stage},
          {"name", check.name},
          {"passed", check.passed},
          {"detail", check.detail},
          {"figures", std::move(figures)}};
}

Json WorldJson(const sim::WorldOptions& world) {
  return {{"width", world.width},
          {"height", world.height},
          {"dynamics", world.dynamics},
          {"noise", world.noise},
          {"frame_loss", world.frame_loss}};
}

// What was judged: the bundle by its own hash and by those of its parts, as policy.json has them.
Json SubjectJson(const bundle::Bundle& bundle, const std::string& sha256) {
  Json graphs = Json::object();
  for (const auto& [role, record] : bundle.graphs) graphs[role] = RecordJson(record);
  Json subject{{"sha256", sha256}, {"graphs", std::move(graphs)}, {"weights", RecordJson(bundle.weights)}};
  if (bundle.tokenizer) subject["tokenizer"] = RecordJson(*bundle.tokenizer);
  subject["precision"] = bundle.precision;
  if (!bundle.policy.outputs.empty() && !bundle.policy.outputs.front().units.empty()) {
    subject["action_units"] = bundle.policy.outputs.front().units;
  }
  if (!bundle.target.empty()) subject["target"] = bundle.target;
  if (bundle.plan) subject["plan"] = RecordJson(*bundle.plan);
  return subject;
}

// The bundle that it was held against. Errors: kInput if it cannot be read.
Result<Json> ReferenceSubject(const bundle::Bundle& reference) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord policy, bundle::Describe(reference.path / bundle::kPolicyFile));
  return SubjectJson(reference, policy.sha256);
}

Json EvidenceDocument(const VerifyArguments& a, const bundle::Bundle& bundle, const std::string& sha256,
                      const verify::Evidence& evidence) {
  Json episodes = Json::array();
  for (const verify::SeenEpisode& e : evidence.episodes) {
    episodes.push_back({{"name", e.name}, {"sha256", e.sha256}});
  }
  Json limits = Json::array();
  for (const verify::Limit& limit : evidence.limits) {
    limits.push_back({{"name", limit.name}, {"value", limit.value}, {"reason", limit.reason}});
  }
  Json document{{"vlaq", std::string(kVersion)},
                {"backend", a.backend.name},
                {"provider", a.backend.provider},
                {"bundle", SubjectJson(bundle, sha256)},
                {"episodes", std::move(episodes)},
                {"used_to_make_it", evidence.overlap},
                {"exclude", evidence.exclude},
                {"open_loop_ablations", evidence.open_loop_ablations},
                {"closed_loop_ablations", evidence.closed_loop_ablations},
                {"limits", std::move(limits)}};
  if (evidence.policy) document["policy"] = evaluate::ToJson(*evidence.policy);
  if (evidence.reference) document["reference"] = evaluate::ToJson(*evidence.reference);
  if (!evidence.simulation) return document;
  document["simulation"] = {{"first_seed", evidence.simulation->first},
                            {"episodes", evidence.simulation->episodes},
                            {"world", WorldJson(evidence.simulation->world)}};
  return document;
}

Json MissingJson(const VerifyArguments& a, const verify::Conclusion& conclusion) {
  Json missing = Json::array();
  for (const verify::Missing& m : conclusion.missing) {
    missing.push_back(
        {{"what", m.what},
         {"command", m.options.empty() ? "" : fmt::format("vlaq verify {} {}", a.bundle.string(), m.options)}});
  }
  return missing;
}

Json SettingsJson(const verify::Report& report) {
  Json settings = Json::array();
  for (const verify::Setting& s : report.settings) {
    settings.push_back({{"name", s.name}, {"value", s.value}, {"assumed", s.assumed}, {"proven_by", s.proven_by}});
  }
  return settings;
}

double FigureOf(const verify::Report& report, std::string_view check, std::string_view figure) {
  for (const verify::Check& c : report.checks) {
    if (c.name != check) continue;
    for (const auto& [name, value] : c.figures) {
      if (name == figure) return value;
    }
  }
  return std::numeric_limits<double>::quiet_NaN();
}

// The answer, before the table that it follows from: is it the policy, and what did it cost?
std::string Headline(const VerifyArguments& a, const verify::Report& report, const verify::Conclusion& conclusion) {
  const std::string name = a.bundle.filename().empty() ? a.bundle.string() : a.bundle.filename().string();
  std::string text;
  switch (conclusion.verdict) {
    case verify::Verdict::kVerified:
      text = fmt::format("{}: verified against {}.", name, fmt::join(conclusion.grounds, ", and against "));
      break;
    case verify::Verdict::kIntact:
      text = fmt::format("{}: intact. It agrees with itself; nothing outside it shows that it is the policy.", name);
      break;
    case verify::Verdict::kFailed:
      text = fmt::format("{}: NOT VERIFIED.", name);
      break;
  }
  text += "\n";
  if (const double share = FigureOf(report, "bytes", "of_source"); std::isfinite(share)) {
    text += fmt::format("  weights: {:.0f} % of the source's bytes\n", 100 * share);
  }
  if (const double mae = FigureOf(report, "recorded actions", "mae_raw"); std::isfinite(mae)) {
    text += fmt::format("  error against what was recorded: {:.4f} {}", mae, report.action_units);
    if (const double more = FigureOf(report, "reference actions", "mae_difference"); std::isfinite(more)) {
      text += fmt::format("; {:+.4f} normalized against the source's {:.4f}", more,
                          FigureOf(report, "reference actions", "reference_mae"));
    }
    text += "\n";
  }
  return text;
}

// What no check shows.
void PrintTrust(const verify::Report& report, std::ostream& out) {
  std::vector<std::string> assumed, trusted;
  for (const verify::Setting& s : report.settings) {
    if (!s.proven_by.empty()) continue;
    (s.assumed ? assumed : trusted).push_back(fmt::format("{} {}", s.name, s.value));
  }
  if (!assumed.empty())
    out << fmt::format("assumed at {}, not proven: {}\n", report.of_files ? "import" : "export",
                       fmt::join(assumed, ", "));
  if (!trusted.empty()) out << fmt::format("taken on trust from policy.json: {}\n", fmt::join(trusted, ", "));
}

std::string LastLine(const verify::Report& report, const verify::Conclusion& conclusion) {
  switch (conclusion.verdict) {
    case verify::Verdict::kVerified:
      if (conclusion.except.empty()) return "verified";
      return fmt::format("verified, except for {}", fmt::join(conclusion.except, ", "));
    case verify::Verdict::kIntact:
      return "intact: nothing outside the bundle shows that it is the policy";
    case verify::Verdict::kFailed:
      break;
  }
  const verify::Check* failure = report.first_failure();
  return fmt::format("NOT VERIFIED: first failure: {}", failure == nullptr ? "nothing was checked" : failure->name);
}

}  // namespace

Result<Json> VerdictDocument(const VerifyArguments& a, const bundle::Bundle& bundle, const verify::Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord policy, bundle::Describe(bundle.path / bundle::kPolicyFile));
  Json checks = Json::array();
  for (const verify::Check& check : report.checks) checks.push_back(CheckJson(check));
  Json untestable = Json::array();
  for (const verify::Untestable& u : report.untestable) {
    untestable.push_back({{"stage", u.stage}, {"name", u.name}, {"reason", u.reason}});
  }
  VLAQ_ASSIGN_OR_RETURN(const std::optional<bundle::Bundle> reference, OpenReference(a, bundle));
  Json evidence = EvidenceDocument(a, bundle, policy.sha256, report.evidence);
  if (reference) {
    VLAQ_ASSIGN_OR_RETURN(evidence["reference_bundle"], ReferenceSubject(*reference));
  }
  const auto conclusion = verify::Conclude(report, bundle.plan.has_value());
  const verify::Check* failure = report.first_failure();
  Json document{{"schema", "vlaq.verify/2"},
                {"bundle", a.bundle.string()},
                {"against", fmt::format("{}", fmt::join(a.against, ", "))},
                {"golden", a.golden.string()},
                {"reference", a.reference.string()},
                {"verdict", verify::Name(conclusion.verdict)},
                {"passed", conclusion.verdict == verify::Verdict::kVerified},
                {"grounds", conclusion.grounds},
                {"except", conclusion.except},
                {"missing", MissingJson(a, conclusion)},
                {"settings", SettingsJson(report)},
                {"parameters", report.parameters},
                {"reached_parameters", report.reached_parameters},
                {"reached_fraction", report.reached_fraction()},
                {"checks", std::move(checks)},
                {"untestable", std::move(untestable)},
                {"notes", report.notes},
                {"not_applicable", report.not_applicable},
                {"evidence", std::move(evidence)}};
  if (failure != nullptr) document["first_failure"] = failure->name;
  return document;
}

void PrintVerdict(const VerifyArguments& a, const bundle::Bundle& bundle, const verify::Report& report,
                  std::ostream& out) {
  const auto conclusion = verify::Conclude(report, bundle.plan.has_value());
  out << Headline(a, report, conclusion) << "\n";
  TextTable table({"stage", "check", "verdict", "what was found"});
  std::vector<verify::Check> checks = report.checks;
  std::stable_sort(checks.begin(), checks.end(), [](const auto& x, const auto& y) { return x.stage < y.stage; });
  for (const verify::Check& check : checks) {
    table.AddRow({StageName(check.stage), check.name, check.passed ? "ok" : "FAILED", check.detail});
  }
  for (const verify::Untestable& u : report.untestable) {
    table.AddRow({StageName(u.stage), u.name, "NOT TESTABLE", u.reason});
  }
  out << table.ToString();
  PrintTrust(report, out);
  if (!report.not_applicable.empty()) {
    out << fmt::format("not applicable: {}\n", fmt::join(report.not_applicable, ", "));
  }
  for (const std::string& note : report.notes) out << "note: " << Printable(note) << "\n";
  for (const verify::Missing& missing : conclusion.missing) {
    out << "missing: " << Printable(missing.what);
    if (!missing.options.empty()) out << fmt::format("\n    vlaq verify {} {}", a.bundle.string(), missing.options);
    out << "\n";
  }
  out << "\n" << LastLine(report, conclusion) << "\n";
}

}  // namespace vlaq::cli
