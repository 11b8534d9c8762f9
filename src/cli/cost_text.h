// What `plan cost` and `plan device` both print of a model and of a device, as tables for people.
#pragma once

#include <string>

#include "cost/estimate.h"

namespace vlaq::cli {

// "178 GMAC", "1.42 TMAC": four digits at most.
std::string HumanMacs(double macs);
std::string HumanSeconds(double seconds);
// "3.1", "0.026", "12,300": a factor, a share or a rate.
std::string HumanNumber(double value);

// The first line: what it is, how many parameters, for which window and prompt.
std::string TitleText(const cost::ModelCost& cost);
// A line for each scenario: MACs.
std::string ScenariosText(const cost::ModelCost& cost);
// A line for each mode, scenario and precision.
std::string LimitsText(const cost::ModelCost& cost, const cost::Board& board);

}  // namespace vlaq::cli
