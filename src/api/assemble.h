// A policy put together of its parts: what Policy::Open() does with those of a bundle on disk, for programs of vlaq
// that have a bundle in memory already, a back end for several policies, or graphs of their own. Everything that runs a
// policy without looking inside a step is made here. Private to vlaq's own programs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backend/backend.h"
#include "base/status.h"
#include "bundle/bundle.h"
#include "policy/policy.h"
#include "runtime/executor.h"
#include "runtime/text_encoder.h"
#include "vlaq/policy.h"

namespace vlaq::api {

// How the parts that all policies have in common are taken.
struct AssembleOptions {
  std::string schedule = {};                              // empty: the default one
  std::shared_ptr<const runtime::TextEncoder> text = {};  // null: of a bundle its own, else it reads no instruction
  uint64_t noise_seed = 0;
};

// From any policy and its graphs; `open` is used during the call only. Errors: as runtime::Executor::Open and
// runtime::FeatureReader::Make.
Result<Policy> Assemble(policy::Policy policy, const runtime::GraphOpener& open, AssembleOptions options);

// From a bundle's graphs, or the engines in their place. `bundle` and `backend` need not outlive the policy. Errors:
// as above, and of runtime::OpenGraph and runtime::OpenTextEncoder.
Result<Policy> Assemble(const bundle::Bundle& bundle, const backend::Backend& backend, const backend::OpenOptions& open,
                        AssembleOptions options);

// Whether what an instruction becomes is read by graphs of the schedule (empty: the default one); else it is baked into
// them.
bool ReadsTask(const policy::Policy& policy, std::string_view schedule = "");

}  // namespace vlaq::api
