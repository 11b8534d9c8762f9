#include "families/kosmos2_lstm/prompt.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "families/kosmos2_lstm/layouts.h"

namespace vlaq::kosmos2_lstm::prompt {
namespace {

constexpr int64_t kPublishedVocabulary = 65037;

// Where the processor's layout has its placeholders.
constexpr int64_t kHfImageStart = 2;

Result<Prompt> Checked(const PolicySpec& spec, Result<layouts::Prompt> laid_out, std::string text) {
  if (!laid_out.ok()) return laid_out.error();
  Prompt prompt{std::move(laid_out->ids), std::move(laid_out->attention_mask), std::move(text)};
  PolicySpec with_prompt = spec;
  Bake(prompt, with_prompt);
  VLAQ_RETURN_IF_ERROR(Validate(with_prompt));
  return prompt;
}

// Ids with the image somewhere else than the processor puts it: only policy.json can ask for that.
layouts::Prompt AsGiven(std::vector<int64_t> ids) {
  layouts::Prompt prompt;
  prompt.attention_mask.assign(ids.size(), 1);
  prompt.ids = std::move(ids);
  return prompt;
}

Result<Prompt> LaidOut(const PolicySpec& spec, const tokenizer::Tokenizer& tokenizer, std::string_view instruction) {
  switch (spec.prompt_layout) {
    case PromptLayout::kHfProcessor: {
      if (spec.image_start != kHfImageStart) {
        return UsageError(
            fmt::format("the policy has its image at position {}, not where the processor puts it", spec.image_start),
            "give the ids with --prompt-ids");
      }
      std::string text = layouts::HfProcessorText(instruction);
      return Checked(spec, layouts::HfProcessorPrompt(tokenizer, text, spec.image_tokens), text);
    }
    case PromptLayout::kRobovlms: {
      std::string text = layouts::RobovlmsText(instruction);
      return Checked(spec, layouts::RobovlmsPrompt(tokenizer, text), text);
    }
    case PromptLayout::kForkFallback: {
      std::string text = layouts::RobovlmsText(instruction);
      return Checked(spec, layouts::ForkFallbackPrompt(tokenizer, text, spec.image_tokens), text);
    }
  }
  return InternalError("", "unknown prompt layout");
}

}  // namespace

std::string TemplateOf(PromptLayout layout) {
  constexpr std::string_view kPlace = "{instruction}";
  return layout == PromptLayout::kHfProcessor ? layouts::HfProcessorText(kPlace) : layouts::RobovlmsText(kPlace);
}

Status CheckTokenizer(const PolicySpec& spec, const tokenizer::Tokenizer& tokenizer) {
  const int64_t tokens = tokenizer.vocabulary().size();
  if (spec.vocabulary == 0 || (tokens <= spec.vocabulary && spec.vocabulary - tokens < kMaxPadding)) return {};
  return InputError("",
                    fmt::format("the tokenizer has {} tokens, but the checkpoint embeds{} {}", tokens,
                                tokens > spec.vocabulary ? " only" : "", spec.vocabulary),
                    "give the checkpoint's own sentencepiece.bpe.model");
}

std::string Complaint(const Prompt& prompt) {
  if (prompt.instruction_tokens == 0) return "the instruction is empty: the policy is told nothing";
  if (prompt.unknown_tokens == 0) return "";
  return fmt::format("{} of the instruction's {} tokens are unknown to the tokenizer: the policy does not hear them",
                     prompt.unknown_tokens, prompt.instruction_tokens);
}

Result<Prompt> FromInstruction(const PolicySpec& spec, const tokenizer::Tokenizer& tokenizer,
                               std::string_view instruction) {
  VLAQ_RETURN_IF_ERROR(CheckTokenizer(spec, tokenizer));
  if (!IsUtf8(instruction)) return UsageError("the instruction is not UTF-8", "type it in a UTF-8 terminal or file");
  VLAQ_ASSIGN_OR_RETURN(Prompt prompt, LaidOut(spec, tokenizer, instruction));
  VLAQ_ASSIGN_OR_RETURN(const std::vector<int64_t> ids, tokenizer.Encode(instruction));
  prompt.instruction_tokens = static_cast<int64_t>(ids.size());
  prompt.unknown_tokens = std::count(ids.begin(), ids.end(), tokenizer::kUnknownId);
  return prompt;
}

Result<Prompt> FromIds(const PolicySpec& spec, std::vector<int64_t> ids) {
  switch (spec.prompt_layout) {
    case PromptLayout::kHfProcessor:
      if (spec.image_start != kHfImageStart) return Checked(spec, AsGiven(std::move(ids)), "");
      return Checked(spec, layouts::HfProcessorPromptFromIds(std::move(ids), spec.image_tokens), "");
    case PromptLayout::kRobovlms:
      return Checked(spec, layouts::RobovlmsPromptFromIds(std::move(ids)), "");
    case PromptLayout::kForkFallback:
      return Checked(spec, layouts::ForkFallbackPromptFromIds(std::move(ids), spec.image_tokens), "");
  }
  return InternalError("", "unknown prompt layout");
}

Result<Prompt> Published(const PolicySpec& spec) {
  if (spec.vocabulary != kPublishedVocabulary || spec.prompt_layout != PromptLayout::kHfProcessor ||
      spec.image_start != kHfImageStart) {
    return UsageError(
        fmt::format("the prompt is not known: prompt_layout {} with a vocabulary of {} tokens has no published one",
                    Name(spec.prompt_layout), spec.vocabulary),
        "give --instruction TEXT --tokenizer sentencepiece.bpe.model, --prompt-ids ID,ID,..., or prompt_ids in "
        "--policy");
  }
  return Checked(spec, layouts::DefaultHfProcessorPrompt(spec.image_tokens), layouts::HfProcessorText());
}

Prompt Baked(const PolicySpec& spec) { return {spec.prompt_ids, spec.PromptMask(), spec.prompt_text}; }

void Bake(const Prompt& prompt, PolicySpec& spec) {
  spec.prompt_ids = prompt.ids;
  spec.attention_mask = prompt.mask;
  spec.prompt_text = prompt.text;
}

}  // namespace vlaq::kosmos2_lstm::prompt
