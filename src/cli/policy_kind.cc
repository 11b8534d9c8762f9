#include "cli/policy_kind.h"

#include "families/family.h"

namespace vlaq::cli {

bool IsMadeOfFiles(const bundle::Bundle& bundle) { return families::FindOrNull(bundle.policy.family) == nullptr; }

}  // namespace vlaq::cli
