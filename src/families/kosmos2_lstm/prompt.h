// From an instruction or from ids to the tokens that a policy's encoder reads, in the layout the policy was trained
// with. In scope: which layout a spec asks for. Not aware of: how text becomes ids and how a layout looks (tokenizer),
// the graph's side of a layout (architecture). Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "families/kosmos2_lstm/policy_spec.h"
#include "tokenizer/tokenizer.h"

namespace vlaq::kosmos2_lstm::prompt {

struct Prompt {
  std::vector<int64_t> ids;
  std::vector<int64_t> mask;  // as long as ids; 0 for padding
  std::string text;           // what the ids were made from; empty if they were given
  // Set by FromInstruction(): how many tokens the instruction has, and how many the tokenizer does not know.
  int64_t instruction_tokens = 0, unknown_tokens = 0;
};

// Errors: kUsage if the instruction is not UTF-8 or too long for the model, the layout's rules are broken or an id lies
// outside the spec's vocabulary; kInput if the tokenizer is not the checkpoint's.
Result<Prompt> FromInstruction(const PolicySpec& spec, const tokenizer::Tokenizer& tokenizer,
                               std::string_view instruction);
// What is wrong with a prompt of FromInstruction() although it can be run, as a sentence: no instruction at all, or
// words that the tokenizer does not know. Empty if nothing is.
std::string Complaint(const Prompt& prompt);
// What the layout tells the policy: "<grounding>An image of {instruction}".
std::string TemplateOf(PromptLayout layout);
// Errors: kInput if the tokenizer has other tokens than the checkpoint embeds. Fewer by less than kMaxPadding are
// taken for rows of padding.
Status CheckTokenizer(const PolicySpec& spec, const tokenizer::Tokenizer& tokenizer);
inline constexpr int64_t kMaxPadding = 128;

// `ids` as the layout wants them, image placeholders included for hf_processor; fork_fallback pads them.
Result<Prompt> FromIds(const PolicySpec& spec, std::vector<int64_t> ids);

// The prompt of the published model, whose ids are known without a tokenizer. Errors: kUsage, naming what to give, if
// the checkpoint has another vocabulary or layout.
Result<Prompt> Published(const PolicySpec& spec);

// The prompt in the spec, and the other way round.
Prompt Baked(const PolicySpec& spec);
void Bake(const Prompt& prompt, PolicySpec& spec);

}  // namespace vlaq::kosmos2_lstm::prompt
