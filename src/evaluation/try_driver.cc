#include "evaluation/try_driver.h"

namespace vlaq::evaluation {

Status TryDriver(const DriverFactory& factory, const Observation& observation) {
  const auto tried = [&]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(const auto driver, factory.Make());
    VLAQ_RETURN_IF_ERROR(driver->Forget());
    VLAQ_RETURN_IF_ERROR(driver->Act(observation));
    return {};
  };
  const Status status = tried();
  return status.ok() ? status : Within(factory.name(), status.error());
}

}  // namespace vlaq::evaluation
