#include <fmt/format.h>

#include <map>

#include "base/json.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/verify_arguments.h"

namespace vlaq::cli {
namespace {

std::string RungName(int rung) {
  static const std::map<int, std::string> names{{0, "0 identity"},  {1, "1 numbers"},   {2, "2 reality"},
                                                {3, "3 open loop"}, {4, "4 eyes open"}, {5, "5 closed loop"}};
  return names.at(rung);
}

Json RecordJson(const bundle::FileRecord& record) { return {{"file", record.file}, {"sha256", record.sha256}}; }

Json CheckJson(const verification::Check& check) {
  Json figures = Json::object();
  for (const auto& [name, value] : check.figures) figures[name] = value;
  return {{"rung", check.rung},
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
                      const verification::Evidence& evidence) {
  Json episodes = Json::array();
  for (const verification::SeenEpisode& e : evidence.episodes) {
    episodes.push_back({{"name", e.name}, {"sha256", e.sha256}});
  }
  Json limits = Json::array();
  for (const verification::Limit& limit : evidence.limits) {
    limits.push_back({{"name", limit.name}, {"value", limit.value}, {"reason", limit.reason}});
  }
  Json document{{"vlaq", std::string(kVersion)},
                {"backend", a.backend.name},
                {"provider", a.backend.provider},
                {"bundle", SubjectJson(bundle, sha256)},
                {"episodes", std::move(episodes)},
                {"not_in", evidence.not_in},
                {"open_loop_conditions", evidence.open_loop_conditions},
                {"closed_loop_conditions", evidence.closed_loop_conditions},
                {"limits", std::move(limits)}};
  if (evidence.driver) document["driver"] = evaluation::ToJson(*evidence.driver);
  if (evidence.reference) document["reference"] = evaluation::ToJson(*evidence.reference);
  if (!evidence.simulation) return document;
  document["simulation"] = {{"first_seed", evidence.simulation->first},
                            {"episodes", evidence.simulation->episodes},
                            {"world", WorldJson(evidence.simulation->world)}};
  return document;
}

}  // namespace

Result<Json> VerdictDocument(const VerifyArguments& a, const bundle::Bundle& bundle,
                             const verification::Report& report) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord policy, bundle::Describe(bundle.path / bundle::kPolicyFile));
  Json checks = Json::array();
  for (const verification::Check& check : report.checks) checks.push_back(CheckJson(check));
  Json untestable = Json::array();
  for (const verification::Untestable& u : report.untestable) {
    untestable.push_back({{"rung", u.rung}, {"name", u.name}, {"reason", u.reason}});
  }
  VLAQ_ASSIGN_OR_RETURN(const std::optional<bundle::Bundle> reference, OpenReference(a));
  Json evidence = EvidenceDocument(a, bundle, policy.sha256, report.evidence);
  if (reference) {
    VLAQ_ASSIGN_OR_RETURN(evidence["reference_bundle"], ReferenceSubject(*reference));
  }
  const verification::Check* failure = report.first_failure();
  Json document{{"schema", "vlaq.verify/1"},
                {"bundle", a.bundle.string()},
                {"against", a.against.string()},
                {"golden", a.golden.string()},
                {"reference", a.reference.string()},
                {"passed", failure == nullptr},
                {"parameters", report.parameters},
                {"reached_parameters", report.reached_parameters},
                {"reached_fraction", report.reached_fraction()},
                {"checks", std::move(checks)},
                {"untestable", std::move(untestable)},
                {"notes", report.notes},
                {"evidence", std::move(evidence)}};
  if (failure != nullptr) document["first_failure"] = failure->name;
  return document;
}

void PrintVerdict(const verification::Report& report, std::ostream& out) {
  TextTable table({"rung", "check", "verdict", "what was found"});
  for (const verification::Check& check : report.checks) {
    table.AddRow({RungName(check.rung), check.name, check.passed ? "ok" : "FAILED", check.detail});
  }
  for (const verification::Untestable& u : report.untestable) {
    table.AddRow({RungName(u.rung), u.name, "NOT TESTABLE", u.reason});
  }
  out << table.ToString();
  for (const std::string& note : report.notes) out << "note: " << Printable(note) << "\n";
  const verification::Check* failure = report.first_failure();
  if (failure != nullptr) {
    out << fmt::format("\nNOT VERIFIED: first failure: {}\n", Printable(failure->name));
    return;
  }
  out << (report.untestable.empty() ? "\nverified\n" : "\nverified, except for what is not testable\n");
}

}  // namespace vlaq::cli
