#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "bundle/bundle.h"
#include "checkpoint/checkpoint.h"
#include "cli/verbs.h"
#include "verification/identity.h"
#include "verification/numbers.h"

namespace vlaq::cli {
namespace {

struct Arguments {
  std::filesystem::path bundle, against, golden;
  bool json = false;
  BackendChoice backend;
};

Result<verification::Report> Verify(const Arguments& a, const bundle::Bundle& bundle, Log& log) {
  verification::Report report;
  std::shared_ptr<const checkpoint::Checkpoint> checkpoint;
  if (!a.against.empty()) {
    VLAQ_ASSIGN_OR_RETURN(checkpoint, checkpoint::Checkpoint::Open(a.against));
  }
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());  // before the work of minutes
  VLAQ_RETURN_IF_ERROR(verification::CheckIdentity(bundle, checkpoint.get(), log, report));
  verification::NumberOptions options;
  options.backend = backend.get();
  options.open = a.backend.Options();
  options.golden = a.golden;
  const Status numbers = verification::CheckNumbers(bundle, options, log, report);
  if (numbers.ok()) return report;
  // What cannot even run is no policy: a verdict, unless the golden file itself is at fault or nothing was wrong so
  // far.
  if (report.first_failure() == nullptr && numbers.error().code != ErrorCode::kBackend) return numbers.error();
  report.checks.push_back({1, "numbers", false, numbers.error().ToString(), {}});
  return report;
}

Json AsJson(const Arguments& a, const verification::Report& report) {
  Json checks = Json::array();
  for (const verification::Check& check : report.checks) {
    Json figures = Json::object();
    for (const auto& [name, value] : check.figures) figures[name] = value;
    checks.push_back({{"rung", check.rung},
                      {"name", check.name},
                      {"passed", check.passed},
                      {"detail", check.detail},
                      {"figures", std::move(figures)}});
  }
  const verification::Check* failure = report.first_failure();
  Json document{{"schema", "vlaq.verify/1"},
                {"bundle", a.bundle.string()},
                {"against", a.against.string()},
                {"golden", a.golden.string()},
                {"passed", failure == nullptr},
                {"parameters", report.parameters},
                {"reached_parameters", report.reached_parameters},
                {"reached_fraction", report.reached_fraction()},
                {"checks", std::move(checks)},
                {"notes", report.notes}};
  if (failure != nullptr) document["first_failure"] = failure->name;
  return document;
}

void Print(const verification::Report& report, std::ostream& out) {
  TextTable table({"rung", "check", "verdict", "what was found"});
  constexpr std::array<std::string_view, 2> kRungs{"0 identity", "1 numbers"};
  for (const verification::Check& check : report.checks) {
    table.AddRow({std::string(kRungs[static_cast<size_t>(check.rung)]), check.name, check.passed ? "ok" : "FAILED",
                  check.detail});
  }
  out << table.ToString();
  for (const std::string& note : report.notes) out << "note: " << note << "\n";
  const verification::Check* failure = report.first_failure();
  out << (failure == nullptr ? "\nverified\n" : fmt::format("\nNOT VERIFIED: first failure: {}\n", failure->name));
}

}  // namespace

Action AddVerify(CLI::App& app, Context& context) {
  auto a = std::make_shared<Arguments>();
  app.add_option("bundle", a->bundle, "The bundle that `vlaq export` made")->required();
  app.add_option("--against", a->against, "The checkpoint it was made from: every tensor is compared")
      ->type_name("CHECKPOINT");
  app.add_option("--golden", a->golden, "Reference results: every stage is compared, from pixels to actions")
      ->type_name("golden.safetensors");
  AddJsonFlag(app, a->json);
  a->backend.AddTo(app);
  app.footer(
      "Exit code 5 and the first check that failed if the bundle is not the policy.\n\n"
      "Examples:\n"
      "  vlaq verify mae0222 --against best_simple_lstm_model.pth\n"
      "  vlaq verify mae0222 --golden golden.safetensors");
  return [a, &context]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(a->bundle, bundle::Presence::kUnchecked));
    VLAQ_ASSIGN_OR_RETURN(const verification::Report report, Verify(*a, bundle, context.log));
    if (a->json) {
      PrintJson(AsJson(*a, report), context.out);
    } else {
      Print(report, context.out);
    }
    const verification::Check* failure = report.first_failure();
    if (failure == nullptr) return {};
    return Error{ErrorCode::kVerification,
                 fmt::format("verification failed at '{}': {}", failure->name, failure->detail), a->bundle.string(),
                 ""};
  };
}

}  // namespace vlaq::cli
