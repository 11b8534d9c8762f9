// Estimates as the documents vlaq.plan_cost/1 and vlaq.plan_device/1.
#pragma once

#include "base/json_fwd.h"
#include "cost/estimate.h"

namespace vlaq::cost {

Json ToJson(const CostEstimate& estimate);
Json ToJson(const FitEstimate& estimate);

}  // namespace vlaq::cost
