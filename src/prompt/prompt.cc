#include "prompt/prompt.h"

#include <fmt/format.h>

#include "tokenizer/prompt.h"

namespace vlaq::prompt {
namespace {

using policy::PolicySpec;
using policy::PromptLayout;

constexpr int64_t kPublishedVocabulary = 65037;

// Where the processor's layout has its placeholders.
constexpr int64_t kHfImageStart = 2;

Result<Prompt> Checked(const PolicySpec& spec, Result<tokenizer::Prompt> laid_out, std::string text) {
  if (!laid_out.ok()) return laid_out.error();
  Prompt prompt{std::move(laid_out->ids), std::move(laid_out->attention_mask), std::move(text)};
  PolicySpec with_prompt = spec;
  Bake(prompt, with_prompt);
  VLAQ_RETURN_IF_ERROR(policy::Validate(with_prompt));
  return prompt;
}

// Ids with the image somewhere else than the processor puts it: only policy.json can ask for that.
tokenizer::Prompt AsGiven(std::vector<int64_t> ids) {
  tokenizer::Prompt prompt;
  prompt.attention_mask.assign(ids.size(), 1);
  prompt.ids = std::move(ids);
  return prompt;
}

}  // namespace

Result<Prompt> FromInstruction(const PolicySpec& spec, const tokenizer::Tokenizer& tokenizer,
                               std::string_view instruction) {
  const int64_t tokens = tokenizer.vocabulary().size();
  if (spec.vocabulary > 0 && tokens > spec.vocabulary) {
    return UsageError(
        fmt::format("the tokeniser has {} tokens, but the checkpoint embeds only {}", tokens, spec.vocabulary),
        "give the checkpoint's own sentencepiece.bpe.model");
  }
  switch (spec.prompt_layout) {
    case PromptLayout::kHfProcessor: {
      if (spec.image_start != kHfImageStart) {
        return UsageError(
            fmt::format("the policy has its image at position {}, not where the processor puts it", spec.image_start),
            "give the ids with --prompt-ids");
      }
      std::string text = tokenizer::HfProcessorText(instruction);
      return Checked(spec, tokenizer::HfProcessorPrompt(tokenizer, text, spec.image_tokens), text);
    }
    case PromptLayout::kRobovlms: {
      std::string text = tokenizer::RobovlmsText(instruction);
      return Checked(spec, tokenizer::RobovlmsPrompt(tokenizer, text), text);
    }
    case PromptLayout::kForkFallback: {
      std::string text = tokenizer::RobovlmsText(instruction);
      return Checked(spec, tokenizer::ForkFallbackPrompt(tokenizer, text, spec.image_tokens), text);
    }
  }
  return InternalError("", "unknown prompt layout");
}

Result<Prompt> FromIds(const PolicySpec& spec, std::vector<int64_t> ids) {
  switch (spec.prompt_layout) {
    case PromptLayout::kHfProcessor:
      if (spec.image_start != kHfImageStart) return Checked(spec, AsGiven(std::move(ids)), "");
      return Checked(spec, tokenizer::HfProcessorPromptFromIds(std::move(ids), spec.image_tokens), "");
    case PromptLayout::kRobovlms:
      return Checked(spec, tokenizer::RobovlmsPromptFromIds(std::move(ids)), "");
    case PromptLayout::kForkFallback:
      return Checked(spec, tokenizer::ForkFallbackPromptFromIds(std::move(ids), spec.image_tokens), "");
  }
  return InternalError("", "unknown prompt layout");
}

Result<Prompt> Published(const PolicySpec& spec) {
  if (spec.vocabulary != kPublishedVocabulary || spec.prompt_layout != PromptLayout::kHfProcessor ||
      spec.image_start != kHfImageStart) {
    return UsageError(
        fmt::format("the prompt is not known: prompt_layout {} with a vocabulary of {} tokens has no published one",
                    policy::Name(spec.prompt_layout), spec.vocabulary),
        "give --instruction TEXT --tokenizer sentencepiece.bpe.model, --prompt-ids ID,ID,..., or prompt_ids in "
        "--policy");
  }
  return Checked(spec, tokenizer::DefaultHfProcessorPrompt(spec.image_tokens), tokenizer::HfProcessorText());
}

Prompt Baked(const PolicySpec& spec) { return {spec.prompt_ids, spec.PromptMask(), spec.prompt_text}; }

void Bake(const Prompt& prompt, PolicySpec& spec) {
  spec.prompt_ids = prompt.ids;
  spec.attention_mask = prompt.mask;
  spec.prompt_text = prompt.text;
}

}  // namespace vlaq::prompt
