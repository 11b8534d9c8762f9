#include "serve/session.h"

#include <utility>

namespace vlaq::serve {
namespace {

// Of what an instruction became, that which ResetTokens() makes the rest of.
Values TokensOf(const Values& values) {
  Values tokens;
  for (const auto& [name, value] : values) {
    if (name.ends_with(".input_ids")) tokens.emplace(name, value);
  }
  return tokens;
}

}  // namespace

Session::Session(Policy policy, std::optional<std::string> task)
    : policy_(std::move(policy)), first_(std::move(task)), first_tokens_(TokensOf(policy_.task().values)) {}

Result<Session> Session::Open(const std::filesystem::path& bundle, const PolicyOptions& options,
                              std::optional<std::string> task) {
  VLAQ_ASSIGN_OR_RETURN(Policy policy, Policy::Open(bundle, options));
  Session session(std::move(policy), std::move(task));
  VLAQ_RETURN_IF_ERROR(session.Reset(session.first_));
  return session;
}

Status Session::Begin() {
  if (told_ == first_) {
    policy_.Reset();
    return {};
  }
  if (first_) return Reset(first_);
  VLAQ_RETURN_IF_ERROR(policy_.ResetTokens(first_tokens_));
  told_.reset();
  return {};
}

Status Session::Reset(const std::optional<std::string>& task) {
  if (!IsNew(task)) {
    policy_.Reset();
    return {};
  }
  VLAQ_RETURN_IF_ERROR(policy_.Reset(*task));
  told_ = task;
  return {};
}

Result<Outputs> Session::Step(const Observation& observation, const std::optional<std::string>& task) {
  if (IsNew(task)) VLAQ_RETURN_IF_ERROR(Reset(task));
  return policy_.Step(observation);
}

}  // namespace vlaq::serve
