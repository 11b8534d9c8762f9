// The prompt of an export: what the user gave, what policy.json gave, or one without any instruction.
#pragma once

#include <string>
#include <vector>

#include "families/family.h"
#include "families/kosmos2_lstm/policy_spec.h"

namespace vlaq::kosmos2_lstm {

// A trainer that saved its template must have meant the one that the layout uses. Errors: kInput naming both.
Status CheckTemplate(const PolicySpec& spec, const std::vector<families::Stated>& stated, const std::string& where);

// Puts the prompt into `spec`; what is missing, odd or assumed joins `proposal`. Errors: kInput if the tokenizer is not
// the checkpoint's; kUsage as of prompt::FromInstruction.
Status SettlePrompt(const families::Settings& settings, Log& log, PolicySpec& spec, families::Proposal& proposal);

}  // namespace vlaq::kosmos2_lstm
