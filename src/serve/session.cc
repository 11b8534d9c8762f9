#include "serve/session.h"

#include <utility>

namespace vlaq::serve {

Session::Session(Policy policy, std::optional<std::string> task)
    : policy_(std::move(policy)), first_(std::move(task)), first_values_(policy_.task().values) {}

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
  VLAQ_RETURN_IF_ERROR(policy_.ResetTokens(first_values_));
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
