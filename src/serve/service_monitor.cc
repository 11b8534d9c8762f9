#include "serve/service_monitor.h"

#include <fmt/format.h>

#include "base/json.h"
#include "image/encode.h"
#include "serve/policy_json.h"
#include "tensor/tensor.h"

namespace vlaq::serve {

std::string ServiceMonitor::StatusJson() const {
  const ServiceStatistics statistics = service_.statistics();
  const auto step = service_.last_step();
  const PolicyFeatures& features = service_.features();
  Json json{{"policy", name_},
            {"runs_on", service_.description()},
            {"stopped", statistics.is_stopped},
            {"steps", statistics.done},
            {"counts",
             {{"steps", statistics.done},
              {"misses", statistics.misses},
              {"errors", statistics.refused + statistics.failed},
              {"clients", fmt::format("{} of {}", statistics.clients, statistics.sessions)}}},
            {"period_ms", features.control_period_s * 1000}};
  json["axes"] = AxesJson(features.outputs.front());
  if (step != nullptr) {
    json["task"] = step->task;
    json["latency_ms"] = step->infer_ms;
    json["action"] = FirstActionJson(step->actions);
    if (!step->camera.empty()) json["camera"] = step->camera;
  }
  return JsonString(json);
}

Result<std::string> ServiceMonitor::CameraPng() const {
  const auto step = service_.last_step();
  if (step == nullptr || step->picture.rank() != 3) return InputError("", "there was no picture yet");
  return image::EncodePng({static_cast<int>(step->picture.shape()[1]), static_cast<int>(step->picture.shape()[0]),
                           step->picture.data<uint8_t>()});
}

std::string ServiceMonitor::HealthJson() const {
  const PolicyFeatures& features = service_.features();
  const Feature& action = features.outputs.front();
  return JsonString({{"model_loaded", true},
                     {"device", service_.description()},
                     {"model_name", name_},
                     {"stopped", service_.statistics().is_stopped},
                     {"inputs", service_.keys().Wanted()},
                     {"follows_instructions", service_.follows_instructions()},
                     {"axes", AxesJson(action)},
                     {"chunk_size", action.shape.size() > 1 ? action.shape.front() : 1},
                     {"control_period_s", features.control_period_s}});
}

}  // namespace vlaq::serve
