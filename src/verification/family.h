// Whether a bundle's policy is one that its spec describes, or any graphs that its policy as data does.
#pragma once

#include "bundle/bundle.h"
#include "families/kosmos2_lstm/schema1.h"

namespace vlaq::verification {

// A bundle that was not read from a folder may leave its policy empty: then the spec is what there is.
inline bool HasSpec(const bundle::Bundle& bundle) {
  return bundle.policy.family.empty() || bundle.policy.family == kosmos2_lstm::kKosmos2Lstm;
}

}  // namespace vlaq::verification
