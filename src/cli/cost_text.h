// What `plan cost` and `plan device` both print of a model and of a device: tables for people, JSON for programs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "planning/claims.h"
#include "planning/model_cost.h"
#include "planning/roofline.h"
#include "target/devices.h"

namespace vlaq::cli {

// "178 GMAC", "1.42 TMAC": four digits at most.
std::string HumanMacs(double macs);
std::string HumanSeconds(double seconds);
// "3.1", "0.026", "12,300": a factor, a share or a rate.
std::string HumanNumber(double value);

// The first line: what it is, how many parameters, for which window and prompt.
std::string TitleText(const planning::ModelCost& cost);
// A line for each scenario: MACs.
std::string ScenariosText(const planning::ModelCost& cost);
// A line for each mode, scenario and precision.
std::string LimitsText(const planning::ModelCost& cost, const target::Device& device,
                       std::span<const target::PowerMode> modes);

Json ModelJson(const planning::ModelCost& cost);
Json ScenariosJson(const planning::ModelCost& cost);
Json LimitsJson(const planning::ModelCost& cost, const target::Device& device,
                std::span<const target::PowerMode> modes);
Json RateJson(const planning::RateVerdict& rate);

}  // namespace vlaq::cli
