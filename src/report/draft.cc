#include "report/draft.h"

#include <utility>

namespace vlaq::report {
namespace {

struct Heading {
  const char *id, *title;
};
constexpr std::array<Heading, kParts> kHeadings{{{"verdicts", "Verdicts"},
                                                 {"measurements", "Measurements"},
                                                 {"latency", "Latency"},
                                                 {"timeline", "In the control period"},
                                                 {"size", "Size and memory"},
                                                 {"layers", "Layers"},
                                                 {"episodes", "Recorded episodes"},
                                                 {"directions", "Directions"},
                                                 {"rollouts", "Rollouts"},
                                                 {"settings", "Settings and hashes"}}};

}  // namespace

std::vector<Section> Draft::Finish() && {
  if (!verdicts_.empty()) {
    auto& blocks = parts_[static_cast<size_t>(Part::kVerdicts)];
    blocks.insert(blocks.begin(), Table{"", {"what", "verdict", "why"}, std::move(verdicts_)});
  }
  std::vector<Section> sections;
  for (size_t i = 0; i < kParts; ++i) {
    if (!parts_[i].empty()) sections.push_back({kHeadings[i].id, kHeadings[i].title, std::move(parts_[i])});
  }
  return sections;
}

}  // namespace vlaq::report
