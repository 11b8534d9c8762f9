#include "evaluate/ablation.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/names.h"

namespace vlaq::evaluate {
namespace {

constexpr uint8_t kGray = 127;

struct Row {
  Ablation value;
  std::string_view name;
  std::string_view description;
};

constexpr std::array<Row, 7> kRows{{
    {Ablation::kNone, "none", "the policy as it is"},
    {Ablation::kGrayImage, "gray_image", "every frame is mid gray"},
    {Ablation::kFrozenImage, "frozen_image", "every frame is the first one"},
    {Ablation::kShuffledImages, "shuffled_images", "frames of other moments, or of another scene"},
    {Ablation::kSwappedInstruction, "swapped_instruction", "the instruction turned into its opposite"},
    {Ablation::kNoInstruction, "no_instruction", "an empty instruction"},
    {Ablation::kOneFrame, "one_frame", "no memory: the window is cut to one frame"},
}};

const Row& RowOf(Ablation ablation) {
  return *std::ranges::find_if(kRows, [ablation](const Row& row) { return row.value == ablation; });
}

class AblatedPolicy : public PolicyUnderTest {
 public:
  AblatedPolicy(Ablation ablation, std::unique_ptr<PolicyUnderTest> inner)
      : ablation_(ablation), inner_(std::move(inner)) {}

  Status Begin(const std::string& task) override {
    first_.clear();
    return inner_->Begin(HeardInstruction(ablation_, *inner_->space().traits, task));
  }

  Result<Tensor> Act(const Observation& observation) override {
    if (ablation_ == Ablation::kOneFrame) VLAQ_RETURN_IF_ERROR(inner_->Forget());
    const bool replaced = ablation_ == Ablation::kGrayImage || ablation_ == Ablation::kFrozenImage;
    if (!replaced) return inner_->Act(observation);
    Observation shown = observation;
    for (auto& [name, value] : shown) {
      if (value.dtype() != DType::kU8) continue;  // no picture
      auto& first = first_[name];
      if (first.shape() != value.shape()) first = ablation_ == Ablation::kGrayImage ? Blank(value) : value;
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
    std::ranges::fill(blank.mutable_data<uint8_t>(), kGray);
    return blank;
  }

  Ablation ablation_;
  std::unique_ptr<PolicyUnderTest> inner_;
  Observation first_;  // shown in place of every picture
};

// A policy that somebody else owns.
class BorrowedPolicy : public PolicyUnderTest {
 public:
  explicit BorrowedPolicy(PolicyUnderTest& inner) : inner_(inner) {}
  Status Begin(const std::string& task) override { return inner_.Begin(task); }
  Result<Tensor> Act(const Observation& observation) override { return inner_.Act(observation); }
  Status Forget() override { return inner_.Forget(); }
  const ActionSpace& space() const override { return inner_.space(); }
  std::string Description() const override { return inner_.Description(); }

 private:
  PolicyUnderTest& inner_;
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

std::string_view Name(Ablation ablation) { return RowOf(ablation).name; }
std::string_view Description(Ablation ablation) { return RowOf(ablation).description; }
std::optional<Ablation> FindAblation(std::string_view name) { return FindIn(kRows, name); }
std::vector<std::string> AblationNames() { return NamesIn(kRows); }

std::vector<Ablation> AllAblations() {
  std::vector<Ablation> ablations;
  for (const Row& row : kRows) ablations.push_back(row.value);
  return ablations;
}

std::vector<Ablation> AblationsFor(const families::Traits& traits, std::vector<Ablation> ablations) {
  if (traits.opposite_phrases.empty()) std::erase(ablations, Ablation::kSwappedInstruction);
  return ablations;
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

std::string HeardInstruction(Ablation ablation, const families::Traits& traits, const std::string& instruction) {
  if (ablation == Ablation::kNoInstruction) return "";
  return ablation == Ablation::kSwappedInstruction ? SwapOpposites(traits, instruction) : instruction;
}

std::unique_ptr<PolicyUnderTest> Under(Ablation ablation, std::unique_ptr<PolicyUnderTest> inner) {
  if (ablation == Ablation::kNone) return inner;
  return std::make_unique<AblatedPolicy>(ablation, std::move(inner));
}

std::unique_ptr<PolicyUnderTest> Under(Ablation ablation, PolicyUnderTest& inner) {
  return Under(ablation, std::make_unique<BorrowedPolicy>(inner));
}

}  // namespace vlaq::evaluate
