#include "evaluation/condition.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/names.h"

namespace vlaq::evaluation {
namespace {

constexpr uint8_t kGrey = 127;

struct Row {
  Condition value;
  std::string_view name;
  std::string_view description;
};

constexpr std::array<Row, 7> kRows{{
    {Condition::kNormal, "normal", "as it is meant to be"},
    {Condition::kBlank, "blank", "every frame is mid grey"},
    {Condition::kFrozen, "frozen", "every frame is the first one"},
    {Condition::kShuffled, "shuffled", "frames of other moments, or of another scene"},
    {Condition::kSwapped, "swapped", "left and right exchanged in the instruction"},
    {Condition::kDeaf, "deaf", "an empty instruction"},
    {Condition::kOneFrame, "one-frame", "no memory: the window is cut to one frame"},
}};

const Row& RowOf(Condition condition) {
  return *std::ranges::find_if(kRows, [condition](const Row& row) { return row.value == condition; });
}

class ConditionedDriver : public Driver {
 public:
  ConditionedDriver(Condition condition, std::unique_ptr<Driver> inner)
      : condition_(condition), inner_(std::move(inner)) {}

  Status Begin(const std::string& instruction) override {
    first_.reset();
    return inner_->Begin(HeardInstruction(condition_, instruction));
  }

  Result<Tensor> Act(const image::ImageView& frame) override {
    if (condition_ == Condition::kOneFrame) VLAQ_RETURN_IF_ERROR(inner_->Forget());
    const bool replaced = condition_ == Condition::kBlank || condition_ == Condition::kFrozen;
    if (!replaced) return inner_->Act(frame);
    if (!first_) first_ = Replacement(frame);
    return inner_->Act(*first_);
  }

  Status Forget() override { return inner_->Forget(); }
  const ActionSpace& space() const override { return inner_->space(); }
  std::string Description() const override { return inner_->Description(); }

 private:
  image::Image Replacement(const image::ImageView& frame) const {
    image::Image image;
    image.Reset(frame.width, frame.height);
    if (condition_ == Condition::kBlank) {
      std::ranges::fill(image.rgb, kGrey);
    } else {
      std::ranges::copy(frame.rgb, image.rgb.begin());
    }
    return image;
  }

  Condition condition_;
  std::unique_ptr<Driver> inner_;
  std::optional<image::Image> first_;  // shown in place of every frame
};

// A driver that somebody else owns.
class BorrowedDriver : public Driver {
 public:
  explicit BorrowedDriver(Driver& inner) : inner_(inner) {}
  Status Begin(const std::string& instruction) override { return inner_.Begin(instruction); }
  Result<Tensor> Act(const image::ImageView& frame) override { return inner_.Act(frame); }
  Status Forget() override { return inner_.Forget(); }
  const ActionSpace& space() const override { return inner_.space(); }
  std::string Description() const override { return inner_.Description(); }

 private:
  Driver& inner_;
};

bool IsLetter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

char AsIn(char example, char letter) {
  const auto c = static_cast<unsigned char>(letter);
  return static_cast<char>(std::isupper(static_cast<unsigned char>(example)) != 0 ? std::toupper(c) : std::tolower(c));
}

// `word` ("left") with the case of `example`: first letter, and the rest as its second letter.
std::string WithCaseOf(std::string word, const std::string& example) {
  for (size_t i = 0; i < word.size(); ++i) word[i] = AsIn(example[i == 0 ? 0 : 1], word[i]);
  return word;
}

}  // namespace

std::string_view Name(Condition condition) { return RowOf(condition).name; }
std::string_view Description(Condition condition) { return RowOf(condition).description; }
std::optional<Condition> FindCondition(std::string_view name) { return FindIn(kRows, name); }
std::vector<std::string> ConditionNames() { return NamesIn(kRows); }

std::vector<Condition> AllConditions() {
  std::vector<Condition> conditions;
  for (const Row& row : kRows) conditions.push_back(row.value);
  return conditions;
}

std::string SwapSides(const std::string& instruction) {
  std::string swapped;
  for (size_t at = 0; at < instruction.size();) {
    size_t end = at;
    while (end < instruction.size() && IsLetter(instruction[end])) ++end;
    if (end == at) {
      swapped += instruction[at++];
      continue;
    }
    const std::string word = instruction.substr(at, end - at);
    std::string lower = word;
    for (char& c : lower) c = AsIn('a', c);
    const bool is_side = lower == "left" || lower == "right";
    swapped += is_side ? WithCaseOf(lower == "left" ? "right" : "left", word) : word;
    at = end;
  }
  return swapped;
}

std::string HeardInstruction(Condition condition, const std::string& instruction) {
  if (condition == Condition::kDeaf) return "";
  return condition == Condition::kSwapped ? SwapSides(instruction) : instruction;
}

std::unique_ptr<Driver> Under(Condition condition, std::unique_ptr<Driver> inner) {
  if (condition == Condition::kNormal) return inner;
  return std::make_unique<ConditionedDriver>(condition, std::move(inner));
}

std::unique_ptr<Driver> Under(Condition condition, Driver& inner) {
  return Under(condition, std::make_unique<BorrowedDriver>(inner));
}

}  // namespace vlaq::evaluation
