// A page in the making: blocks arrive in any order and stand where the reader looks for them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "report/page.h"

namespace vlaq::report {

// In the order of the page: verdicts first, settings and hashes last.
enum class Part {
  kVerdicts,
  kMeasurements,
  kLatency,
  kTimeline,
  kSize,
  kLayers,
  kEpisodes,
  kDirections,
  kRollouts,
  kSettings,
};
inline constexpr size_t kParts = 10;

class Draft {
 public:
  void Add(Part part, Block block) { parts_[static_cast<size_t>(part)].push_back(std::move(block)); }
  // A row of the table that opens the page.
  void AddVerdict(Cell what, Cell verdict, Cell why) {
    verdicts_.push_back({std::move(what), std::move(verdict), std::move(why)});
  }

  // Parts without blocks are left out.
  std::vector<Section> Finish() &&;

 private:
  std::vector<std::vector<Cell>> verdicts_;
  std::array<std::vector<Block>, kParts> parts_;
};

}  // namespace vlaq::report
