// What `vlaq plan cost` and `vlaq plan device` answer, as one call each: a model's cost and the claims about it, and
// whether a policy fits on a board. Estimates all: no device is asked. Not aware of: printing.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cost/claims.h"
#include "cost/device_fit.h"
#include "cost/devices.h"
#include "cost/model_cost.h"

namespace vlaq::cost {

// A device and those of its power modes that are looked at.
struct Board {
  Device device;
  std::vector<PowerMode> modes;
};
// `device`: a name that vlaq knows, or a .json file that describes another. `power`: a mode of it; "": all. Errors:
// kUsage for a name that is not known, kInput for a file that is none.
Result<Board> FindBoard(const std::string& device, const std::string& power);

struct CostQuestion {
  std::filesystem::path model;  // a bundle, or an .onnx file
  CostOptions options;
  std::string device, power;  // as in FindBoard; "": none
  uint64_t claim_bytes = 0;   // "so small a file": is it possible? 0: not asked
  double claim_per_second = 0;
};
struct CostEstimate {
  ModelCost cost;
  std::optional<Board> board;
  std::optional<SizeVerdict> size;
  std::optional<RateVerdict> rate;

  bool possible() const { return (!size || size->possible) && (!rate || rate->possible); }
};
// Errors: kUsage for a rate without a device; those of CostOfModel, FindBoard and JudgeRate.
Result<CostEstimate> EstimateCost(const CostQuestion& question);

// What a published plan expected of a policy.
struct PublishedPlan {
  double low = 0, high = 0;  // observations a second
  uint64_t bytes = 0;        // of its weights, at most
};

struct FitQuestion {
  std::filesystem::path bundle;
  CostOptions options;
  std::string device, power;        // as in FindBoard
  uint64_t workspace = 0;           // bytes that the builder may try kernels in
  std::filesystem::path published;  // a plan to hold against the answer; "": none
};
struct FitEstimate {
  ModelCost cost;
  Board board;
  DeviceMemory memory;
  std::vector<PrecisionFit> fits;
  // What a published plan expects, if asked for.
  PublishedPlan published;
  std::optional<SizeVerdict> size;
  std::vector<RateVerdict> rates;  // low and high; none if the device has no peak

  // The precision in which the bundle's own engines are built.
  const PrecisionFit& own() const { return OwnFit(fits, cost.precision); }
  // Values between operators whose size is not known, and so not in the figures.
  int64_t unknown_values() const;
  // A control step at the very least, in seconds, in the fastest of the modes; nullopt without a peak.
  std::optional<double> StepSeconds(const PrecisionFit& fit) const;
};
// Errors: kUsage if it is no bundle, or `published` does not suit it; those of CostOfModel and FindBoard; kInput for a
// file that is no published plan.
Result<FitEstimate> EstimateFit(const FitQuestion& question);

}  // namespace vlaq::cost
