#include "families/kosmos2_lstm/layouts.h"

#include <algorithm>
#include <numeric>

namespace vlaq::kosmos2_lstm::layouts {
namespace {

constexpr std::string_view kOpening = "<grounding>An image of";
constexpr int64_t kMaxImageTokens = 1024;
constexpr int64_t kFirstPlaceholder = tokenizer::kUnknownId + 1;
constexpr int64_t kHfImageStart = 2;  // after <s> and <image>

std::string_view Stripped(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

Status CheckImageTokens(int64_t image_tokens) {
  if (image_tokens >= 1 && image_tokens <= kMaxImageTokens) return {};
  return UsageError(std::to_string(image_tokens) + " image tokens in the prompt",
                    "use the model's latent_query_num (64 for Kosmos-2)");
}

Status CheckIds(const std::vector<int64_t>& ids) {
  const auto negative = std::find_if(ids.begin(), ids.end(), [](int64_t id) { return id < 0; });
  if (negative == ids.end()) return {};
  return UsageError("prompt id " + std::to_string(*negative) + " at position " +
                    std::to_string(negative - ids.begin()) + " is negative");
}

Prompt AllReal(std::vector<int64_t> ids) {
  Prompt prompt;
  prompt.attention_mask.assign(ids.size(), 1);
  prompt.ids = std::move(ids);
  return prompt;
}

bool CountsUpwards(const std::vector<int64_t>& ids, int64_t begin, int64_t count) {
  const auto first = ids.begin() + begin;
  return std::adjacent_find(first, first + count, [](int64_t a, int64_t b) { return b != a + 1; }) == first + count;
}

Result<std::vector<int64_t>> WithSpecials(const Tokenizer& tokenizer, std::string_view text) {
  VLAQ_ASSIGN_OR_RETURN(std::vector<int64_t> ids, tokenizer.Encode(text));
  ids.insert(ids.begin(), tokenizer::kBosId);
  ids.push_back(tokenizer::kEosId);
  return ids;
}

}  // namespace

std::vector<int64_t> Prompt::ImagePositionMask() const {
  std::vector<int64_t> mask(ids.size(), 0);
  if (image_start) std::fill_n(mask.begin() + *image_start, image_tokens, 1);
  return mask;
}

std::string HfProcessorText(std::string_view instruction) {
  instruction = Stripped(instruction);
  std::string text(kOpening);
  if (!instruction.empty()) text.append(" ").append(instruction);
  return text;
}

std::string RobovlmsText(std::string_view instruction) {
  return std::string(kOpening).append(" a robot ").append(Stripped(instruction));
}

Result<Prompt> HfProcessorPrompt(const Tokenizer& tokenizer, std::string_view text, int64_t image_tokens) {
  VLAQ_ASSIGN_OR_RETURN(const std::vector<int64_t> ids, tokenizer.Encode(text));
  return HfProcessorPrompt(tokenizer.vocabulary(), ids, image_tokens);
}

Result<Prompt> HfProcessorPrompt(const Vocabulary& vocabulary, const std::vector<int64_t>& text_ids,
                                 int64_t image_tokens) {
  VLAQ_RETURN_IF_ERROR(CheckImageTokens(image_tokens));
  if (kFirstPlaceholder + image_tokens > vocabulary.size()) {
    return UsageError(std::to_string(image_tokens) + " image placeholders do not fit a vocabulary of " +
                      std::to_string(vocabulary.size()) + " ids");
  }
  std::vector<int64_t> ids = {tokenizer::kBosId, vocabulary.image_open()};
  ids.resize(ids.size() + static_cast<size_t>(image_tokens));
  std::iota(ids.begin() + kHfImageStart, ids.end(), kFirstPlaceholder);
  ids.push_back(vocabulary.image_close());
  ids.insert(ids.end(), text_ids.begin(), text_ids.end());
  return HfProcessorPromptFromIds(std::move(ids), image_tokens);
}

Result<Prompt> HfProcessorPromptFromIds(std::vector<int64_t> ids, int64_t image_tokens) {
  VLAQ_RETURN_IF_ERROR(CheckImageTokens(image_tokens));
  VLAQ_RETURN_IF_ERROR(CheckIds(ids));
  const int64_t least = kHfImageStart + image_tokens + 1;
  if (static_cast<int64_t>(ids.size()) < least || !CountsUpwards(ids, kHfImageStart, image_tokens)) {
    return UsageError("the prompt ids do not have the layout hf_processor: <s>, <image>, " +
                          std::to_string(image_tokens) + " placeholders that count upwards, </image>, text",
                      "give all ids, e.g. 0,64003,4,5,...,67,64004,64012,712,1648,9, or name another layout");
  }
  Prompt prompt = AllReal(std::move(ids));
  prompt.image_start = kHfImageStart;
  prompt.image_tokens = image_tokens;
  return prompt;
}

Result<Prompt> RobovlmsPrompt(const Tokenizer& tokenizer, std::string_view text) {
  VLAQ_ASSIGN_OR_RETURN(std::vector<int64_t> ids, WithSpecials(tokenizer, text));
  return RobovlmsPromptFromIds(std::move(ids));
}

Result<Prompt> RobovlmsPromptFromIds(std::vector<int64_t> ids) {
  VLAQ_RETURN_IF_ERROR(CheckIds(ids));
  const auto count = static_cast<int64_t>(ids.size());
  if (count < 2) return UsageError("a prompt needs at least <s> and </s>", "give ids like 0,64012,...,2");
  if (count > kMaxPromptTokens) {
    return UsageError("a prompt of " + std::to_string(count) + " tokens; the training side cut at " +
                          std::to_string(kMaxPromptTokens),
                      "shorten the instruction");
  }
  return AllReal(std::move(ids));
}

Result<Prompt> ForkFallbackPrompt(const Tokenizer& tokenizer, std::string_view text, int64_t image_tokens) {
  VLAQ_ASSIGN_OR_RETURN(std::vector<int64_t> ids, WithSpecials(tokenizer, text));
  return ForkFallbackPromptFromIds(std::move(ids), image_tokens);
}

Result<Prompt> ForkFallbackPromptFromIds(std::vector<int64_t> ids, int64_t image_tokens) {
  VLAQ_RETURN_IF_ERROR(CheckImageTokens(image_tokens));
  VLAQ_ASSIGN_OR_RETURN(Prompt prompt, RobovlmsPromptFromIds(std::move(ids)));
  const size_t length = std::max(prompt.ids.size(), static_cast<size_t>(image_tokens));
  prompt.ids.resize(length, 0);
  prompt.attention_mask.resize(length, 0);
  prompt.image_start = 0;
  prompt.image_tokens = image_tokens;
  return prompt;
}

Result<Prompt> DefaultHfProcessorPrompt(int64_t image_tokens) {
  return HfProcessorPrompt(Vocabulary(tokenizer::kKosmos2Pieces), {kDefaultTextIds.begin(), kDefaultTextIds.end()},
                           image_tokens);
}

}  // namespace vlaq::kosmos2_lstm::layouts
