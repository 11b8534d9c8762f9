// A PolicyService as the page shows it.
#pragma once

#include <string>

#include "serve/monitor.h"
#include "serve/policy_service.h"

namespace vlaq::serve {

class ServiceMonitor : public Monitor {
 public:
  // `service` must outlive it. `name`: of the policy, for people.
  ServiceMonitor(PolicyService& service, std::string name) : service_(service), name_(std::move(name)) {}

  std::string StatusJson() const override;
  Result<std::string> CameraPng() const override;
  std::string HealthJson() const override;
  std::string MetricsText() const override { return PrometheusText(service_.statistics()); }
  void Stop() override { service_.Stop(); }
  void Resume() override { service_.Resume(); }

 private:
  PolicyService& service_;
  std::string name_;
};

}  // namespace vlaq::serve
