#include "evaluation/try_driver.h"

#include <algorithm>

namespace vlaq::evaluation {

Status TryDriver(const DriverFactory& factory, int width, int height) {
  const auto tried = [&]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(const auto driver, factory.Make());
    image::Image black;
    black.Reset(width, height);
    std::ranges::fill(black.rgb, uint8_t{0});
    VLAQ_RETURN_IF_ERROR(driver->Forget());
    VLAQ_RETURN_IF_ERROR(driver->Act(black));
    return {};
  };
  const Status status = tried();
  return status.ok() ? status : Within(factory.name(), status.error());
}

}  // namespace vlaq::evaluation
