// A policy and a device of round numbers.
#pragma once

#include "cost/devices.h"
#include "cost/model_cost.h"

namespace vlaq::cost {

inline GraphCost GraphOf(const char* name, int64_t macs, int64_t parameters) {
  GraphCost graph;
  graph.name = name;
  graph.work.macs = macs;
  graph.work.parameters = parameters;
  graph.work.parameters_read = parameters;
  graph.work.stored = {{DType::kF32, 1, parameters, 4 * static_cast<uint64_t>(parameters)}};
  graph.peak32.bytes = 40;
  graph.peak16.bytes = 20;
  return graph;
}

// 480 parameters and 20 computed numbers; an encoder that is arithmetic, a head that is weights; a window of 3.
inline ModelCost SmallPolicy() {
  ModelCost cost;
  cost.is_bundle = true;
  cost.precision = "fp32";
  cost.parameters = 480;
  cost.computed = 20;
  cost.window = 3;
  cost.tokens = 5;
  cost.period_s = 4;
  cost.graphs = {GraphOf("whole", 6010, 500), GraphOf("encoder", 2000, 100), GraphOf("head", 10, 400)};
  cost.scenarios = {{"frame", "frame", "one frame", {1}, false},
                    {"step_streaming", "streaming step", "control step, streaming", {1, 2}, true},
                    {"step_naive", "naive step", "control step, naive", {0}, true}};
  return cost;
}

inline Device SlowDevice() {
  Device device;
  device.name = "slow";
  device.title = "Slow";
  device.memory_bytes = 10'000;
  device.bytes_per_s = 1000;
  device.source = "made up";
  PowerMode mode;
  mode.name = "only";
  mode.source = "made up";
  mode.macs_per_s.fp32 = 1000;
  mode.macs_per_s.int8 = 10'000;
  device.modes = {mode};
  return device;
}

}  // namespace vlaq::cost
