// A bundle as a policy: a vlaq::Policy of its default schedule over pictures and states, told an instruction.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "data/stream.h"
#include "evaluate/policy_identity.h"
#include "evaluate/policy_under_test.h"
#include "runtime/text_encoder.h"

namespace vlaq::evaluate {

// What a policy observes, as it is looked for in episodes: its pictures and states, by name.
std::vector<data::WantedFeature> WantedOf(const policy::Policy& policy);

class BundlePolicyFactory : public PolicyFactory {
 public:
  // `backend` must outlive the factory and what it makes. `tokenizer_file`: empty for the bundle's own. A bundle
  // without a tokenizer, or with a baked prompt, drives by the prompt of its export, whatever the instruction; see
  // follows_instructions(). Errors: kInput, also for a policy whose first output is no action.
  static Result<std::unique_ptr<BundlePolicyFactory>> Open(bundle::Bundle bundle, const backend::Backend& backend,
                                                           backend::OpenOptions options,
                                                           std::filesystem::path tokenizer_file = {});

  Result<std::unique_ptr<PolicyUnderTest>> Make() const override;
  std::string name() const override { return "bundle " + bundle_.path.string(); }
  const bundle::Bundle& bundle() const { return bundle_; }
  // What the actions of its policies mean.
  const ActionSpace& space() const { return space_; }
  // Who drives, for documents: with the hashes of what makes it behave as it does. Errors: kInput.
  Result<PolicyIdentity> Describe(std::string kind, std::string name) const;
  bool follows_instructions() const { return reads_instructions() && text_->can_encode(); }
  // Whether its graphs read an instruction that could be another one.
  bool reads_instructions() const;
  // The instruction that it is always told if it cannot be told another; empty if it reads none, or as numbers.
  std::string exported_instruction() const { return text_ == nullptr ? "" : text_->Exported().text; }

 private:
  BundlePolicyFactory(bundle::Bundle bundle, const backend::Backend& backend, backend::OpenOptions options)
      : bundle_(std::move(bundle)), backend_(backend), options_(std::move(options)) {}

  bundle::Bundle bundle_;
  const backend::Backend& backend_;
  backend::OpenOptions options_;
  std::filesystem::path tokenizer_file_;  // empty: the bundle's own, or none
  ActionSpace space_;
  std::shared_ptr<const runtime::TextEncoder> text_;  // null: it reads no instruction
};

// How many policies of `bundle`, at most `wanted`, fit into `available_bytes` of memory side by side: a back end may
// keep weights of its own for each, packed for its kernels. At least 1.
int DriversThatFit(const bundle::Bundle& bundle, int wanted, uint64_t available_bytes);
// Episodes to drive at a time: `asked`, or if that is 0 as many as cores and memory allow; a lack of memory is noted.
int ChooseParallelism(const bundle::Bundle& bundle, int asked, Log& log);

}  // namespace vlaq::evaluate
