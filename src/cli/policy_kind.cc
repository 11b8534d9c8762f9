#include "cli/policy_kind.h"

#include "architecture/architecture.h"

namespace vlaq::cli {

bool IsMadeOfFiles(const bundle::Bundle& bundle) { return !architecture::Find(bundle.policy.family).ok(); }

}  // namespace vlaq::cli
