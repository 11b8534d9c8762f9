#include "evaluate/try_policy.h"

namespace vlaq::evaluate {

Status TryPolicy(const PolicyFactory& factory, const Observation& observation) {
  const auto tried = [&]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(const auto tested, factory.Make());
    VLAQ_RETURN_IF_ERROR(tested->Forget());
    VLAQ_RETURN_IF_ERROR(tested->Act(observation));
    return {};
  };
  const Status status = tried();
  return status.ok() ? status : Within(factory.name(), status.error());
}

}  // namespace vlaq::evaluate
