// What a policy's settings rest on: its weights do not show at which scale its actions are meant, or how frames were
// normalized, so each setting stays on trust until something outside the bundle shows it. Not aware of: how anything is
// compared, printing.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bundle/bundle.h"
#include "checkpoint/checkpoint.h"
#include "verify/report.h"

namespace vlaq::verify {

// Each of the family's settings with what shows it, in the order of policy.json.
std::vector<Setting> SettingsOf(const bundle::Bundle& bundle, const Report& report);

// Adds the check "settings, FILE": every key of the user's own policy.json must have the bundle's value; keys that it
// does not have stay on trust. Errors: kInput if the file cannot be read or is no policy spec.
Status CheckAgainstPolicyFile(const bundle::Bundle& bundle, const std::filesystem::path& file, Report& report);

// Adds the check "tokenizer, FILE": the bundle's tokenizer must be this file, byte for byte. Errors: kInput.
Status CheckAgainstTokenizerFile(const bundle::Bundle& bundle, const std::filesystem::path& file, Report& report);

// Adds the check "settings the checkpoint states", if it states any: what a training kept of its arguments must be the
// bundle's, too. A setting that the user's own file gives alike was changed deliberately and is left to that file.
void CheckAgainstStated(const bundle::Bundle& bundle, const checkpoint::Checkpoint& checkpoint, Report& report);

// Adds the check "settings against the source": the family's settings, configuration, inputs and tokenizer are the
// same.
void CheckAgainstSourceSettings(const bundle::Bundle& bundle, const bundle::Bundle& source, Report& report);

// Two policies of any graphs, member by member; the files of their graphs may differ. "control.period_s is 4 instead of
// 0.4".
std::vector<std::string> HowPoliciesDiffer(policy::Policy actual, policy::Policy expected);
// Adds the check "policy against the source".
void CheckAgainstSourcePolicy(const bundle::Bundle& bundle, const bundle::Bundle& source, Report& report);

}  // namespace vlaq::verify
