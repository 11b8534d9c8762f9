#include "families/onnx/value_kind.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace vlaq::importing {
namespace {

using Words = std::vector<std::string>;
using policy::ImageLayout;

constexpr auto kImageWords = std::to_array<std::string_view>(
    {"cam", "camera", "cameras", "image", "images", "img", "imgs", "picture", "pixel", "pixels", "rgb"});
constexpr auto kStateWords = std::to_array<std::string_view>(
    {"agent", "joint", "joints", "obs", "observation", "observations", "proprio", "qpos", "qvel", "state", "states"});
constexpr auto kTokenWords =
    std::to_array<std::string_view>({"attention", "ids", "lang", "language", "mask", "prompt", "token", "tokens"});
constexpr auto kNoiseNames = std::to_array<std::string_view>({"noise", "x_t"});

// Words that only stand for a recurrent network's memory.
constexpr auto kRecurrentWords = std::to_array<std::string_view>(
    {"c", "cell", "cx", "gru", "h", "hidden", "hx", "lstm", "mem", "memory", "recurrent", "rnn"});
// What the robot observes does not come out of the policy, whatever the names.
constexpr auto kNeverCarried = std::to_array<std::string_view>(
    {"image", "images", "img", "mask", "noise", "obs", "observation", "token", "tokens"});

// An input and an output whose names are alike but for these words are one value at two times.
struct CarryRule {
  std::string_view input, output;  // "": no such word
  bool recurrent;                  // only if a word that is left stands for memory
};
constexpr auto kCarryRules = std::to_array<CarryRule>({
    {"in", "out", false},     {"in", "next", false},       {"input", "output", false},
    {"prev", "next", false},  {"previous", "next", false}, {"prev", "new", false},
    {"last", "next", false},  {"old", "new", false},       {"past", "present", false},
    {"init", "final", false}, {"initial", "final", false}, {"0", "n", true},
    {"0", "1", true},         {"0", "out", true},          {"in", "n", true},
    {"", "n", true},          {"", "out", true},           {"", "new", true},
    {"", "next", true},
});

// Names written as one word: "hn".
struct GluedWord {
  std::string_view word, first, second;
};
constexpr auto kGlued = std::to_array<GluedWord>({{"hn", "h", "n"},
                                                  {"cn", "c", "n"},
                                                  {"hin", "h", "in"},
                                                  {"cin", "c", "in"},
                                                  {"hout", "h", "out"},
                                                  {"cout", "c", "out"}});

template <typename List>
bool Holds(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}
template <typename List>
bool AnyOf(const Words& words, const List& list) {
  return std::ranges::any_of(words, [&](const std::string& word) { return Holds(list, word); });
}

// The words without one; nullopt-like: false if it does not stand there exactly once. An empty word is always there.
bool Without(const Words& words, std::string_view word, Words& rest) {
  rest = words;
  if (word.empty()) return true;
  if (std::ranges::count(words, word) != 1) return false;
  std::erase(rest, word);
  return true;
}

// Whether three channels stand where the layout has them. Extents may be free.
bool IsChw(const std::vector<onnx::Dim>& dims) { return dims.size() == 3 && dims[0].value == 3; }
bool IsHwc(const std::vector<onnx::Dim>& dims) { return dims.size() == 3 && dims[2].value == 3; }
bool IsPictureSized(const onnx::Dim& dim) { return dim.value < 0 || dim.value >= 16; }

}  // namespace

Words WordsOf(std::string_view name) {
  Words words;
  std::string word;
  const auto end = [&] {
    if (word.empty()) return;
    const auto glued = std::ranges::find(kGlued, word, &GluedWord::word);
    if (glued != kGlued.end()) {
      words.emplace_back(glued->first);
      words.emplace_back(glued->second);
    } else {
      words.push_back(word);
    }
    word.clear();
  };
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool digit = std::isdigit(byte) != 0;
    if (std::isalnum(byte) == 0 && byte < 0x80) {
      end();
      continue;
    }
    if (!word.empty() && digit != (std::isdigit(static_cast<unsigned char>(word.back())) != 0)) end();
    word += static_cast<char>(std::tolower(byte));
  }
  end();
  return words;
}

Guess GuessMeaning(const onnx::ValueInfo& input, bool batched) {
  const Words words = WordsOf(input.name);
  std::vector<onnx::Dim> dims = input.dims;
  if (batched && !dims.empty()) dims.erase(dims.begin());
  const bool is_float = input.dtype == DType::kF32;
  if (AnyOf(words, kImageWords) && dims.size() >= 3) {
    if (is_float && IsChw(dims)) return {Meaning::kImage, ImageLayout::kChw};
    if (input.dtype == DType::kU8 && IsHwc(dims)) return {Meaning::kImage, ImageLayout::kHwc};
    return {Meaning::kOddImage, ImageLayout::kChw};
  }
  std::string lower = input.name;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (Holds(kNoiseNames, lower) && IsFloat(input.dtype)) return {Meaning::kNoise, ImageLayout::kChw};
  if (!IsFloat(input.dtype) && AnyOf(words, kTokenWords)) return {Meaning::kTokens, ImageLayout::kChw};
  if (AnyOf(words, kStateWords)) return {Meaning::kState, ImageLayout::kChw};
  if (is_float && batched && IsChw(dims) && IsPictureSized(dims[1]) && IsPictureSized(dims[2])) {
    return {Meaning::kShapedLikeImage, ImageLayout::kChw};
  }
  return {Meaning::kOther, ImageLayout::kChw};
}

bool CarriesByName(std::string_view input, std::string_view output) {
  const Words in = WordsOf(input), out = WordsOf(output);
  if (AnyOf(in, kNeverCarried)) return false;
  return std::ranges::any_of(kCarryRules, [&](const CarryRule& rule) {
    Words rest_in, rest_out;
    if (!Without(in, rule.input, rest_in) || !Without(out, rule.output, rest_out)) return false;
    return !rest_in.empty() && rest_in == rest_out && (!rule.recurrent || AnyOf(rest_in, kRecurrentWords));
  });
}

bool IsActionName(std::string_view name) {
  const Words words = WordsOf(name);
  return !words.empty() && (words[0] == "action" || words[0] == "actions");
}

}  // namespace vlaq::importing
