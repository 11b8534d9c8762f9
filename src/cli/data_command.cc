// `vlaq data`: splits by content, the test that two lists share nothing, and that of episodes themselves.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/data_check.h"
#include "data/content.h"

namespace vlaq::cli {
namespace {

struct SplitArguments {
  std::vector<std::filesystem::path> paths;
  std::string fractions = "train=0.8,validation=0.1,test=0.1";
  uint64_t seed = 0;
  std::filesystem::path output;
  bool skip_bad = false;
  bool force = false;
  bool json = false;
};

std::string SplitSummary(const data::Split& split, const data::EpisodeSet& set, const data::SetContent& content,
                         const std::filesystem::path& output) {
  size_t kept = 0;
  TextTable table({"part", "asked for", "episodes", "came out"});
  for (const data::SplitPart& part : split.parts) kept += part.episodes.size();
  for (const data::SplitPart& part : split.parts) {
    const double share = static_cast<double>(part.episodes.size()) / static_cast<double>(std::max<size_t>(kept, 1));
    table.AddRow({part.name, fmt::format("{:.1f} %", part.fraction * 100), std::to_string(part.episodes.size()),
                  fmt::format("{:.1f} %", share * 100)});
  }
  std::string text = fmt::format("{}: {} episodes, seed {}\n{}", output.string(), kept, split.seed, table.ToString(2));
  if (kept < content.episodes.size()) {
    text += fmt::format("files with the content of another, which count once: {}\n", content.episodes.size() - kept);
  }
  for (const auto* list : {&set.bad(), &content.bad}) {
    for (const auto& bad : *list) text += fmt::format("left out: {}\n", bad.error.ToString());
  }
  return text;
}

Status RunSplit(const SplitArguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const auto fractions, data::ParseFractions(a.fractions));
  std::error_code ignored;
  if (!a.force && std::filesystem::exists(a.output, ignored)) {  // before everything is read
    return UsageError(fmt::format("{} already exists", a.output.string()),
                      "give another name, or --force to replace it");
  }
  VLAQ_ASSIGN_OR_RETURN(const auto set, data::EpisodeSet::Open(a.paths, {{}, a.skip_bad}));
  VLAQ_ASSIGN_OR_RETURN(const auto content, data::HashAll(set, context.log));
  VLAQ_ASSIGN_OR_RETURN(const auto split, data::MakeSplit(content.episodes, fractions, a.seed));
  const Json document = data::ToJson(split);
  VLAQ_RETURN_IF_ERROR(WriteFile(a.output, JsonString(document, 1) + "\n", WhenExisting(a.force)));
  if (a.json) {
    PrintJson(document, context.out);
  } else {
    context.out << SplitSummary(split, set, content, a.output);
  }
  return {};
}

Action AddSplit(CLI::App& app, Context& context) {
  auto a = std::make_shared<SplitArguments>();
  app.add_option("paths", a->paths, "Episodes: .h5 files, or folders of them")->type_name("PATH")->required();
  app.add_option("--fractions", a->fractions, "Parts and their shares, which add up to 1")
      ->type_name("TEXT")
      ->capture_default_str();
  app.add_option("--seed", a->seed, "Seed of the split")->type_name("UINT")->capture_default_str();
  app.add_option("-o,--output", a->output, "The split, as JSON")->type_name("FILE")->required();
  app.add_flag("--skip-bad", a->skip_bad, "Leave broken episodes out, and list them");
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  app.footer(
      "Where an episode goes depends on its content and the seed alone: adding others moves none.\n"
      "Example:\n"
      "  vlaq data split episodes/ --fractions calibration=0.2,validation=0.2,test=0.6 --seed 1 -o split.json");
  return [a, &context] { return RunSplit(*a, context); };
}

Status CheckLists(const std::vector<std::string>& places, Context& context) {
  if (places.size() < 2) {
    return UsageError(fmt::format("{} is one list; whether lists share episodes takes two", places.front()));
  }
  std::vector<data::EpisodeList> lists;
  for (const std::string& place : places) {
    VLAQ_ASSIGN_OR_RETURN(data::EpisodeList list, data::ReadEpisodeList(place));
    lists.push_back(std::move(list));
  }
  for (size_t i = 0; i < lists.size(); ++i) {
    for (size_t j = i + 1; j < lists.size(); ++j) {
      const Status disjoint = data::CheckDisjoint(lists[i], lists[j]);
      if (disjoint.ok()) continue;
      Error shared = disjoint.error();
      shared.code = ErrorCode::kVerification;  // the lists themselves are sound
      return shared;
    }
  }
  context.out << "no episode is in two of them\n";
  for (const auto& list : lists)
    context.out << fmt::format("  {}: {} episodes\n", Printable(list.name), list.episodes.size());
  return {};
}

bool AreEpisodes(const std::filesystem::path& path) {
  std::error_code ignored;
  return data::IsEpisodeName(path) || std::filesystem::is_directory(path, ignored);
}

Action AddDataCheck(CLI::App& app, Context& context) {
  auto places = std::make_shared<std::vector<std::string>>();
  app.add_option(
         "places", *places,
         "Two or more splits (split.json), or parts of them (split.json:test); or episodes: .h5 files, or folders "
         "of them")
      ->type_name("FILE[:PART]|PATH")
      ->expected(1, 1000)
      ->required();
  app.footer(
      "Of splits: exit code 5 if two of them share an episode.\n"
      "Of episodes: exit code 5 if a file cannot be read, or its time stamps are not as many as its steps, finite, "
      "ascending, and within 10 % of the rate that it states (src/data/README.md).\n"
      "Examples:\n"
      "  vlaq data check old.json:calibration new.json:test\n"
      "  vlaq data check recorded/");
  return [places, &context]() -> Status {
    const auto episodes = std::count_if(places->begin(), places->end(), AreEpisodes);
    if (episodes == 0) return CheckLists(*places, context);
    if (static_cast<size_t>(episodes) == places->size()) {
      return CheckEpisodes({places->begin(), places->end()}, context);
    }
    return UsageError("splits and episodes are checked one kind at a time");
  };
}

}  // namespace

Action AddData(CLI::App& app, Context& context) {
  CLI::App* split = app.add_subcommand("split", "Decide which episodes train, calibrate, validate and test");
  CLI::App* check = app.add_subcommand("check", "Prove that lists of episodes share none, or that episodes are sound");
  const Action run_split = AddSplit(*split, context);
  const Action run_check = AddDataCheck(*check, context);
  app.require_subcommand(1);
  return [=]() -> Status { return split->parsed() ? run_split() : run_check(); };
}

}  // namespace vlaq::cli
