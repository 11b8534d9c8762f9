// A page in the making: blocks arrive in any order and stand where the reader looks for them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "report/page.h"
#include "report/policies.h"

namespace vlaq::report {

// In the order of the page: what is known at a glance first, settings and hashes last.
enum class Part {
  kSummary,
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
inline constexpr size_t kParts = 11;

// What most readers ask, in the order in which they do.
enum class Question { kIsIt, kWeights, kNumbers, kSenses, kDrives, kStreaming, kTime, kPrice };

// What a document says in one line: the page's title and first line come from the weightiest kind that there is.
struct Claim {
  enum class Of { kReceipt, kMeasurement, kDriving, kEpisodes, kControl, kArithmetic } of;
  Cell verdict;
  std::string name;  // of the policy
  std::string why;
};

class Draft {
 public:
  void Add(Part part, Block block) { parts_[static_cast<size_t>(part)].push_back(std::move(block)); }
  // A row of the table of verdicts.
  void AddVerdict(Cell what, Cell verdict, Cell why) {
    verdicts_.push_back({std::move(what), std::move(verdict), std::move(why)});
  }
  // What is the same for several documents, such as what a column means, once.
  void AddOnce(Part part, Paragraph paragraph);
  // The first answer to a question counts.
  void Answer(Question question, std::string text, Cell answer);
  void Say(Claim claim) { claims_.push_back(std::move(claim)); }
  Policies& policies() { return policies_; }

  // Title, first line, questions and sections; parts without blocks are left out.
  Page Finish() &&;

 private:
  struct Answered {
    Question question;
    std::string text;
    Cell answer;
  };
  Policies policies_;
  std::vector<Claim> claims_;
  std::vector<Answered> answers_;
  std::vector<std::vector<Cell>> verdicts_;
  std::array<std::vector<Block>, kParts> parts_;
};

}  // namespace vlaq::report
