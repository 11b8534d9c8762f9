#include "report/draft.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "report/sections.h"

namespace vlaq::report {
namespace {

struct Heading {
  const char *id, *title;
};
constexpr std::array<Heading, kParts> kHeadings{{{"summary", "At a glance"},
                                                 {"verdicts", "Verdicts"},
                                                 {"measurements", "Measurements"},
                                                 {"latency", "Latency"},
                                                 {"timeline", "In the control period"},
                                                 {"size", "Size and memory"},
                                                 {"layers", "Layers"},
                                                 {"episodes", "Recorded episodes"},
                                                 {"directions", "Directions"},
                                                 {"rollouts", "Rollouts"},
                                                 {"settings", "Settings and hashes"}}};

// "policy, int8"; many are counted.
std::string Names(const std::vector<Claim>& claims) {
  constexpr size_t kMost = 4;
  std::vector<std::string> names;
  for (const Claim& claim : claims) {
    if (std::ranges::find(names, claim.name) == names.end()) names.push_back(claim.name);
  }
  return names.size() <= kMost ? fmt::format("{}", fmt::join(names, ", ")) : fmt::format("{} policies", names.size());
}

// The claims of the weightiest kind, of these the worst: one that fails is not outvoted.
std::vector<Claim> Deciding(const std::vector<Claim>& claims) {
  std::vector<Claim> deciding;
  const auto before = [](const Claim& a, const Claim& b) {
    return std::pair(a.of, -MoodRank(a.verdict.mood)) < std::pair(b.of, -MoodRank(b.verdict.mood));
  };
  const auto first = std::ranges::min_element(claims, before);
  std::ranges::copy_if(claims, std::back_inserter(deciding), [&](const Claim& claim) {
    return claim.of == first->of && claim.verdict.mood == first->verdict.mood;
  });
  return deciding;
}

void AddHeadline(const std::vector<Claim>& claims, Page& page) {
  if (claims.empty()) return;
  const std::vector<Claim> deciding = Deciding(claims);
  const Claim& first = deciding.front();
  // Those that are of one mind are named together.
  std::vector<Claim> alike;
  std::ranges::copy_if(deciding, std::back_inserter(alike),
                       [&](const Claim& claim) { return claim.verdict.text == first.verdict.text; });
  std::string verdict = first.verdict.text;
  if (!verdict.empty() && verdict[0] >= 'a' && verdict[0] <= 'z')
    verdict[0] = static_cast<char>(verdict[0] - 'a' + 'A');
  page.title = fmt::format("{}: {}", verdict, Names(alike));
  std::string line;
  for (const Claim& claim : claims) {
    if (claim.of != first.of) continue;
    const bool same = claim.verdict.text == first.verdict.text;  // as the title says
    const std::string why = same ? claim.why : fmt::format("{}; {}", claim.verdict.text, claim.why);
    line += fmt::format("{}{}: {}", line.empty() ? "" : ". ", claim.name, why);
    if (line.size() > 600) break;  // the table of verdicts has all
  }
  page.headline = {line + ".", first.verdict.mood};
}

}  // namespace

void Draft::AddOnce(Part part, Paragraph paragraph) {
  const bool there = std::ranges::any_of(parts_[static_cast<size_t>(part)], [&](const Block& block) {
    const auto* other = std::get_if<Paragraph>(&block);
    return other != nullptr && other->text == paragraph.text;
  });
  if (!there) Add(part, std::move(paragraph));
}

void Draft::Answer(Question question, std::string text, Cell answer) {
  if (std::ranges::find(answers_, text, &Answered::text) != answers_.end()) return;
  answers_.push_back({question, std::move(text), std::move(answer)});
}

Page Draft::Finish() && {
  Page page;
  AddHeadline(claims_, page);
  std::ranges::stable_sort(answers_, {}, &Answered::question);
  page.questions = {"In short", {"question", "answer"}, {}};
  for (Answered& a : answers_) page.questions.rows.push_back({std::move(a.text), std::move(a.answer)});
  auto& summary = parts_[static_cast<size_t>(Part::kSummary)];
  if (!policies_.list().empty()) summary.emplace_back(policies_.AsCards());
  if (Table beside = policies_.Comparison(); !beside.rows.empty()) summary.emplace_back(std::move(beside));
  if (!page.questions.rows.empty()) summary.emplace_back(page.questions);
  if (!verdicts_.empty()) {
    auto& blocks = parts_[static_cast<size_t>(Part::kVerdicts)];
    blocks.insert(blocks.begin(), Table{"", {"what", "verdict", "why"}, std::move(verdicts_)});
  }
  for (size_t i = 0; i < kParts; ++i) {
    if (!parts_[i].empty()) page.sections.push_back({kHeadings[i].id, kHeadings[i].title, std::move(parts_[i])});
  }
  return page;
}

}  // namespace vlaq::report
