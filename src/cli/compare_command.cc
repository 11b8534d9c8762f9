#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "base/text.h"
#include "cli/bench_arguments.h"
#include "cli/commands.h"

namespace vlaq::cli {
namespace {

using harness::Change;
using harness::Changes;
using harness::CompareOptions;
using harness::StoredResults;

std::string_view Word(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::kSame:
      return "no difference shown";
    case Change::Kind::kSlower:
      return "SLOWER";
    case Change::Kind::kFaster:
      return "faster";
    case Change::Kind::kTooFew:
      return "cannot tell: too few rounds";
    case Change::Kind::kReference:
      return "reference";
    case Change::Kind::kInvalid:
      return "not judged: INVALID";
  }
  return "";
}

Json AsJson(const Changes& changes, const CompareOptions& options) {
  Json list = Json::array();
  for (const Change& c : changes.list) {
    list.push_back(
        {{"name", c.name},
         {"old_ns", c.old_ns},
         {"new_ns", c.new_ns},
         {"old_state", StateName(c.old_state)},
         {"new_state", StateName(c.new_state)},
         {"ratio", {{"median", c.ratio}, {"low", OrNull(c.interval.low)}, {"high", OrNull(c.interval.high)}}},
         {"paired", c.paired},
         {"rounds", c.rounds},
         {"verdict", Word(c.kind)}});
  }
  return {{"schema", "vlaq.compare/1"},
          {"threshold", options.threshold},
          {"reference", changes.reference.empty() ? Json(nullptr) : Json(changes.reference)},
          {"unpaired", changes.unpaired.empty() ? Json(nullptr) : Json(changes.unpaired)},
          {"changes", std::move(list)}};
}

// "VALID", or "UNSTABLE, then VALID".
std::string States(const Change& c) {
  const std::string_view then = StateName(c.old_state), now = StateName(c.new_state);
  return then == now ? std::string(now) : fmt::format("{}, then {}", then, now);
}

void Print(const Changes& changes, std::ostream& out) {
  TextTable table({"subject", "before ms", "now ms", "now / before", "95 % interval", "measured", "verdict"});
  for (const Change& c : changes.list) {
    table.AddRow(
        {c.name, fmt::format("{:.3f}", c.old_ns / 1e6), fmt::format("{:.3f}", c.new_ns / 1e6),
         fmt::format("{:.3f}", c.ratio),
         std::isfinite(c.interval.low) ? fmt::format("{:.3f} to {:.3f}", c.interval.low, c.interval.high) : "-",
         States(c), std::string(Word(c.kind))});
  }
  out << "\n" << table.ToString() << "\n";
  if (changes.reference.empty()) {
    out << fmt::format(
        "Not paired: {}. The times are as they are, so what the machine did in between is in the ratios.\n",
        Printable(changes.unpaired));
    return;
  }
  out << fmt::format(
      "Paired: '{}' is the same in both, so the others' ratios are of times divided by its own in the same round, and "
      "a "
      "slower machine is in neither.\n",
      Printable(changes.reference));
}

Status Tell(const StoredResults& before, const StoredResults& after, const CompareOptions& options, bool json,
            std::ostream& out) {
  VLAQ_ASSIGN_OR_RETURN(const Changes changes, harness::CompareRuns(before, after, options));
  if (json) {
    PrintJson(AsJson(changes, options), out);
  } else {
    Print(changes, out);
  }
  const auto names = [&changes](Change::Kind kind) {
    std::string text;
    for (const Change& c : changes.list) {
      if (c.kind == kind) text += (text.empty() ? "" : ", ") + c.name;
    }
    return text;
  };
  if (const std::string slower = names(Change::Kind::kSlower); !slower.empty()) {
    return Error{ErrorCode::kVerification, fmt::format("slower by more than {:g} %", 100 * options.threshold), slower,
                 "the whole interval lies beyond the threshold"};
  }
  if (const std::string invalid = names(Change::Kind::kInvalid); !invalid.empty()) {
    return Error{ErrorCode::kUnstable, "measured, but INVALID: the ratios above are no evidence", invalid,
                 "measure again on a quiet machine; vlaq bench says what was wrong"};
  }
  const std::string few = names(Change::Kind::kTooFew);
  if (few.empty()) return {};
  return Error{ErrorCode::kUnstable, "too few rounds to tell whether it got slower", few,
               fmt::format("an interval of 95 % takes {} rounds of each run: a larger --rounds or --duration of bench",
                           harness::FewestForMedian(0.95))};
}

}  // namespace

Status PrintChanges(const StoredResults& before, const StoredResults& after, double threshold, bool allow_different,
                    bool json, std::ostream& out) {
  return Tell(before, after, {.threshold = threshold, .allow_different = allow_different}, json, out);
}

Action AddCompare(CLI::App& app, Context& context) {
  struct Arguments {
    std::filesystem::path before, after;
    CompareOptions options;
    bool json = false;
  };
  auto a = std::make_shared<Arguments>();
  app.add_option("old", a->before, "Results of vlaq bench")->type_name("FILE")->required();
  app.add_option("new", a->after, "Results of the same subjects, measured later")->type_name("FILE")->required();
  app.add_option("--threshold", a->options.threshold, "What counts as slower: 0.05 is 5 %, for the whole interval")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--allow-different", a->options.allow_different,
               "Compare other machines, settings and INVALID runs all the same");
  app.add_flag("--allow-invalid", a->options.allow_invalid,
               "Show the ratios of INVALID subjects, too; they are not judged (exit code 6)");
  app.add_flag("--allow-missing", a->options.allow_missing, "Leave out subjects that only one of the files has");
  AddJsonFlag(app, a->json);
  app.footer(
      "If the first subject of both files is the same (name and SHA-256), the others are held against it, round by "
      "round:\nname one that does not change first, and a slower machine is no regression. The output says which way "
      "was taken.\n\n"
      "Exit code 5 if a subject got slower by more than the threshold, 6 if too few rounds cannot tell or a subject is "
      "INVALID.\n\n"
      "Example, in a project's CI (--force: now.json may be there from the run before; exit code 6 of bench: a subject "
      "is\nUNSTABLE, which compare marks, or INVALID, which it refuses without --allow-invalid; the file is written "
      "all the "
      "same):\n"
      "  vlaq bench reference policy -o now.json --force || [ $? = 6 ]\n"
      "  vlaq compare base.json now.json --threshold 0.1");
  return [a, &context]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(const auto before, harness::ReadResults(a->before));
    VLAQ_ASSIGN_OR_RETURN(const auto after, harness::ReadResults(a->after));
    return Tell(before, after, a->options, a->json, context.out);
  };
}

}  // namespace vlaq::cli
