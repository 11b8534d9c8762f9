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
    {Condition::kSwapped, "swapped", "the instruction turned into its opposite"},
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

  Status Begin(const std::string& task) override {
    first_.clear();
    return inner_->Begin(HeardInstruction(condition_, *inner_->space().traits, task));
  }

  Result<Tensor> Act(const Observation& observation) override {
    if (condition_ == Condition::kOneFrame) VLAQ_RETURN_IF_ERROR(inner_->Forget());
    const bool replaced = condition_ == Condition::kBlank || condition_ == Condition::kFrozen;
    if (!replaced) return inner_->Act(observation);
    Observation shown = observation;
    for (auto& [name, value] : shown) {
      if (value.dtype() != DType::kU8) continue;  // no picture
      auto& first = first_[name];
      if (first.shape() != value.shape()) first = condition_ == Condition::kBlank ? Blank(value) : value;
      value = first;
    }
    return inner_->Act(shown);
  }

  Status Forget() override { return inner_->Forget(); }
  const ActionSpace& space() const override { return inner_->space(); }
  std::string Description() const override { return inner_->Description(); }

 private:
  static Tensor Blank(const Tensor& picture) {
    Tensor blank = Tensor::Make(DType::kU8, picture.shape());
    std::ranges::fill(blank.mutable_data<uint8_t>(), kGrey);
    return blank;
  }

  Condition condition_;
  std::unique_ptr<Driver> inner_;
  Observation first_;  // shown in place of every picture
};

// A driver that somebody else owns.
class BorrowedDriver : public Driver {
 public:
  explicit BorrowedDriver(Driver& inner) : inner_(inner) {}
  Status Begin(const std::string& task) override { return inner_.Begin(task); }
  Result<Tensor> Act(const Observation& observation) override { return inner_.Act(observation); }
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

// `word` ("up") with the case of `example`: first letter, and the rest as its second letter.
std::string WithCaseOf(std::string word, const std::string& example) {
  for (size_t i = 0; i < word.size(); ++i)
    word[i] = AsIn(example[i == 0 ? 0 : std::min<size_t>(1, example.size() - 1)], word[i]);
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

std::vector<Condition> ConditionsFor(const families::Traits& traits, std::vector<Condition> conditions) {
  if (traits.opposite_phrases.empty()) std::erase(conditions, Condition::kSwapped);
  return conditions;
}

std::string SwapOpposites(const families::Traits& traits, const std::string& instruction) {
  std::string swapped;
  for (size_t at = 0; at < instruction.size();) {
    size_t end = at;
    while (end < instruction.size() && IsLetter(instruction[end])) ++end;
    if (end == at) {
      swapped += instruction[at++];
      continue;
    }
    std::string word = instruction.substr(at, end - at);
    std::string lower = word;
    for (char& c : lower) c = AsIn('a', c);
    for (const auto& [one, other] : traits.opposite_phrases) {
      if (lower != one && lower != other) continue;
      word = WithCaseOf(lower == one ? other : one, word);
      break;
    }
    swapped += word;
    at = end;
  }
  return swapped;
}

std::string HeardInstruction(Condition condition, const families::Traits& traits, const std::string& instruction) {
  if (condition == Condition::kDeaf) return "";
  return condition == Condition::kSwapped ? SwapOpposites(traits, instruction) : instruction;
}

std::unique_ptr<Driver> Under(Condition condition, std::unique_ptr<Driver> inner) {
  if (condition == Condition::kNormal) return inner;
  return std::make_unique<ConditionedDriver>(condition, std::move(inner));
}

std::unique_ptr<Driver> Under(Condition condition, Driver& inner) {
  return Under(condition, std::make_unique<BorrowedDriver>(inner));
}

}  // namespace vlaq::evaluation
