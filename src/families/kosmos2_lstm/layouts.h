// Prompts: the token ids that stand around the image in each of the layouts a policy may have been trained with.
//
// Each layout can be made from text (with a tokenizer) or taken from ids that the user gives. Not aware of: embeddings,
// the learned action token, graphs. Pure functions on values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tokenizer/tokenizer.h"

namespace vlaq::kosmos2_lstm::layouts {

using tokenizer::Tokenizer;
using tokenizer::Vocabulary;

inline constexpr int64_t kImageTokens = 64;       // latent_query_num of Kosmos-2
inline constexpr int64_t kMaxPromptTokens = 512;  // RoboVLMs' limit

struct Prompt {
  std::vector<int64_t> ids;
  std::vector<int64_t> attention_mask;  // 1 for real tokens, 0 for padding; as long as ids
  // The first of `image_tokens` positions whose embeddings the image overwrites; nullopt if the layout inserts rows of
  // its own for the image.
  std::optional<int64_t> image_start;
  int64_t image_tokens = 0;

  // 1 where the image overwrites, else 0; as long as ids.
  std::vector<int64_t> ImagePositionMask() const;
};

// Texts. An instruction loses the white space around it.
// "<grounding>An image of", followed by a space and the instruction if there is one.
std::string HfProcessorText(std::string_view instruction = "");
// "<grounding>An image of a robot <instruction>"
std::string RobovlmsText(std::string_view instruction);

// Layout of transformers' Kosmos2Processor: <s> <image> n placeholders </image> text. The placeholders are 4 .. 3 + n,
// and the image overwrites them. Errors: those of Tokenizer::Encode; kUsage if image_tokens is not 1 to 1024 or there
// are fewer ordinary ids than placeholders.
Result<Prompt> HfProcessorPrompt(const Tokenizer& tokenizer, std::string_view text,
                                 int64_t image_tokens = kImageTokens);
// Around the ids of a text, for a known vocabulary.
Result<Prompt> HfProcessorPrompt(const Vocabulary& vocabulary, const std::vector<int64_t>& text_ids,
                                 int64_t image_tokens = kImageTokens);
// A whole prompt of that layout. Errors: kUsage if it is too short, or positions 2 .. 1 + n do not count upwards by
// one.
Result<Prompt> HfProcessorPromptFromIds(std::vector<int64_t> ids, int64_t image_tokens = kImageTokens);

// RoboVLMs: <s> text </s>; the exporter inserts image rows after <s> and the action token before the last id.
// Errors: those of Encode; kUsage for more than kMaxPromptTokens ids.
Result<Prompt> RobovlmsPrompt(const Tokenizer& tokenizer, std::string_view text);
// Errors: kUsage for fewer than 2 or more than kMaxPromptTokens ids.
Result<Prompt> RobovlmsPromptFromIds(std::vector<int64_t> ids);

// The fork's fallback: as RoboVLMs, then padded with id 0 (mask 0) to at least n ids; the image overwrites positions
// 0 .. n - 1. Errors: as for RobovlmsPrompt, and a wrong image_tokens.
Result<Prompt> ForkFallbackPrompt(const Tokenizer& tokenizer, std::string_view text,
                                  int64_t image_tokens = kImageTokens);
Result<Prompt> ForkFallbackPromptFromIds(std::vector<int64_t> ids, int64_t image_tokens = kImageTokens);

// Ids of "<grounding>An image of" in the vocabulary of kosmos-2-patch14-224, for use without its tokenizer file.
// Source: transformers' own test of its Kosmos-2 processor, which runs the published tokenizer.
inline constexpr std::array<int64_t, 4> kDefaultTextIds = {64012, 712, 1648, 9};
// The HF prompt made of them: [0, 64003, 4 .. 3 + n, 64004, 64012, 712, 1648, 9]. Errors: a wrong image_tokens.
Result<Prompt> DefaultHfProcessorPrompt(int64_t image_tokens = kImageTokens);

}  // namespace vlaq::kosmos2_lstm::layouts
