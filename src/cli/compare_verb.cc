#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/bench_arguments.h"
#include "cli/verbs.h"

namespace vlaq::cli {
namespace {

using benchmark::Change;

std::string_view Word(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::kSame:
      return "no difference shown";
    case Change::Kind::kSlower:
      return "SLOWER";
    case Change::Kind::kFaster:
      return "faster";
  }
  return "";
}

Json AsJson(const std::vector<Change>& changes, double threshold) {
  Json list = Json::array();
  for (const Change& c : changes) {
    list.push_back({{"name", c.name},
                    {"old_ns", c.old_ns},
                    {"new_ns", c.new_ns},
                    {"ratio", {{"median", c.ratio}, {"low", c.interval.low}, {"high", c.interval.high}}},
                    {"verdict", Word(c.kind)}});
  }
  return {{"schema", "vlaq.compare/1"}, {"threshold", threshold}, {"changes", std::move(list)}};
}

}  // namespace

Status TellChanges(const benchmark::StoredResults& before, const benchmark::StoredResults& after, double threshold,
                   bool allow_different, bool json, std::ostream& out) {
  VLAQ_ASSIGN_OR_RETURN(const auto changes, benchmark::CompareRuns(before, after, threshold, allow_different));
  std::string slower;
  TextTable table({"subject", "before ms", "now ms", "now / before", "95 % interval", "verdict"});
  for (const Change& c : changes) {
    table.AddRow({c.name, fmt::format("{:.3f}", c.old_ns / 1e6), fmt::format("{:.3f}", c.new_ns / 1e6),
                  fmt::format("{:.3f}", c.ratio), fmt::format("{:.3f} to {:.3f}", c.interval.low, c.interval.high),
                  std::string(Word(c.kind))});
    if (c.kind == Change::Kind::kSlower) slower += (slower.empty() ? "" : ", ") + c.name;
  }
  if (json) {
    PrintJson(AsJson(changes, threshold), out);
  } else {
    out << "\n" << table.ToString();
  }
  if (slower.empty()) return {};
  return Error{ErrorCode::kVerification, fmt::format("slower by more than {:g} %", 100 * threshold), slower,
               "the whole interval lies beyond the threshold"};
}

Action AddCompare(CLI::App& app, Context& context) {
  struct Arguments {
    std::filesystem::path before, after;
    double threshold = 0.05;
    bool allow_different = false, json = false;
  };
  auto a = std::make_shared<Arguments>();
  app.add_option("old", a->before, "Results of vlaq bench")->type_name("FILE")->required();
  app.add_option("new", a->after, "Results of the same subjects, measured later")->type_name("FILE")->required();
  app.add_option("--threshold", a->threshold, "What counts as slower: 0.05 is 5 %, for the whole interval")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--allow-different", a->allow_different,
               "Compare other machines, settings and INVALID runs all the same");
  AddJsonFlag(app, a->json);
  app.footer(
      "Exit code 5 if a subject got slower by more than the threshold.\n\n"
      "Example, in a project's CI:\n"
      "  vlaq bench policy -o now.json && vlaq compare base.json now.json --threshold 0.1");
  return [a, &context]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(const auto before, benchmark::ReadResults(a->before));
    VLAQ_ASSIGN_OR_RETURN(const auto after, benchmark::ReadResults(a->after));
    return TellChanges(before, after, a->threshold, a->allow_different, a->json, context.out);
  };
}

}  // namespace vlaq::cli
