// A small document of every kind that a report can show, for tests; tests/cli/report_test.cc uses real ones.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/document.h"

namespace vlaq::report {

inline Document Example(const std::string& kind, const std::string& file, const std::string& text) {
  return {file, kind, std::make_shared<const Json>(Json::parse(text))};
}

inline Document ExampleResults() {
  return Example("vlaq.results/1", "results.json", R"({"schema": "vlaq.results/1",
    "made": {"vlaq": "0.1.0", "command": ["vlaq", "bench"]},
    "machine": {"cpu": "A <CPU>", "governor": null, "readings": []},
    "settings": {"protocol": "control", "span": "model", "threads": 2, "batch": 1, "window": 8, "period_ns": 400e6,
                 "inputs": {"what": "noise", "frames": 3, "sha256": "ab"}},
    "subjects": [{"name": "one", "files": [{"name": "weights.bin", "bytes": 5, "sha256": "cd"}], "size_bytes": 5000000,
      "load_ns": 5, "first_run_ns": 6, "memory": {"peak_bytes": 3, "steady_bytes": 2, "own_bytes": 1},
      "samples": {"start_ns": [0, 400e6, 800e6], "wall_ns": [1e6, 2e6, 500e6]},
      "summary": {"n": 3, "median_ns": 2e6, "mean_ns": 3e6, "throughput_per_s": 300,
        "percentiles": [{"p": 50, "ns": 2e6, "safe_ns": 2e6}, {"p": 90, "ns": 5e6, "safe_ns": null}],
        "deadline": {"missed": 1, "of": 3, "late_most_ns": 500e6, "jitter_ns": 1e5}},
      "outputs": {"largest": 0.01}, "quality": null,
      "operators": [{"op_type": "MatMul", "precision": "int8", "calls": 4, "ns": 1e6, "share": 0.75, "macs": 100}],
      "roofline": {"macs": 100, "bytes": 50, "limit_ns": 1e6, "bound": "compute", "fraction_of_limit": 0.5},
      "verdict": {"state": "UNSTABLE", "findings": [{"check": "drift", "advice": "cool | it"}]}}],
    "comparisons": [{"first": "zero", "second": "one", "ratio": {"median": 2.5, "low": 2.25, "high": 2.75}, "rounds": 9,
                     "noise_floor": 0.01, "verdict": "one faster"}],
    "harness": {"call_ns": 50},
    "sweeps": [{"axis": "batch", "subject": "one",
                "points": [{"value": 1, "median_ns": 2e6, "per_item_ns": 2e6, "n": 5, "state": "VALID"},
                           {"value": 4, "median_ns": 4e6, "per_item_ns": 1e6, "n": 5, "state": "VALID"}]}]})");
}

inline Document ExampleReceipt() {
  return Example("vlaq.verify/2", "receipt.json",
                 R"({"schema": "vlaq.verify/2", "bundle": "/tmp/x/mae0222", "passed": true,
    "against": "model.pth", "golden": "", "reference": "",
    "parameters": 1000, "reached_fraction": 1,
    "checks": [{"stage": 1, "name": "text_last_hidden", "passed": true, "detail": "relative difference 2e-06",
                "figures": {"max_absolute": 1e-3, "relative": 2e-6, "limit": 1e-5}},
               {"stage": 2, "name": "kernels", "passed": true, "detail": "int8", "figures": {"macs_int8": 0.9, "time_int8": 0.8}}],
    "untestable": [{"stage": 5, "name": "drives", "reason": "no simulator"}],
    "evidence": {"bundle": {"sha256": "ef", "graphs": {"head": {"file": "head.onnx"}}},
                 "limits": [{"name": "max_mae_increase", "value": 0.005, "reason": "because"}]}})");
}

inline Document ExampleOpenLoop() {
  return Example("vlaq.eval/2 open_loop", "open_loop.json", R"({"schema": "vlaq.eval/2", "mode": "open_loop",
    "directions": ["stop", "F"],
    "policy": {"kind": "bundle", "name": "mae0222", "sha256": "01", "ablations": [
      {"ablation": "none", "summary": {"mae": 0.1, "rmse": 0.2, "mae_raw": 0.06, "direction_agreement": 0.9, "steps": 30,
                                          "direction_confusion": [[10, 2], [1, 17]]}},
      {"ablation": "gray_image", "summary": {"mae": 0.5, "rmse": 0.6, "mae_raw": 0.3, "direction_agreement": 0.2, "steps": 30},
       "moved": {"value": 0.4}}]}})");
}

inline Document ExampleSimulation() {
  return Example("vlaq.eval/2 simulation", "simulation.json", R"({"schema": "vlaq.eval/2", "mode": "simulation",
    "policy": {"kind": "bundle", "name": "mae0222", "sha256": "01", "ablations": [{"ablation": "none", "summary": {
      "success": {"count": 19, "of": 20, "fraction": 0.95, "wilson_95": [0.764, 0.991]},
      "collided": {"count": 1, "of": 20}, "timed_out": {"count": 0, "of": 20}, "passed_on_told_side": {"count": 20, "of": 20},
      "mean_seconds_of_successes": 6.5}}]}})");
}

inline Document ExampleDrive() {
  return Example("vlaq.sim.render/1", "drive.json",
                 R"({"schema": "vlaq.sim.render/1", "seed": 7, "instruction": "go left",
    "driver": "mae0222", "verdict": "reached the bottle", "steps": 2, "path_length_m": 1.5, "succeeded": true,
    "files": {"camera": "missing.png"},
    "scene": {"boxes": [{"x": 1, "y": 0, "half_x": 0.2, "half_y": 0.2}], "bottle": {"x": 2, "y": 0}, "reached_within_m": 0.35},
    "path": [{"x": 0, "y": 0, "lost": false}, {"x": 1, "y": 0.5, "lost": true}]})");
}

inline Document ExamplePlan() {
  return Example("vlaq.plan_quantize/1", "plan.json", R"({"schema": "vlaq.plan_quantize/1", "bundle": "mae0222",
    "bytes_before": 100, "bytes_after_about": 50,
    "accuracy": {"sensitivity": [{"group": "vision/layer.0", "format": "int8",
                                  "effect": {"moved_rms": 0.002, "moved_most": 0.01, "mae_increase": null}}]}})");
}

inline Document ExampleQuantized() {
  return Example("vlaq.quantize/1", "quantize.json", R"({"schema": "vlaq.quantize/1", "bundle": "mae0222_int8",
    "weights": [{"weight": "a", "number": "int8", "signal_to_noise_db": 44, "worst_scale_db": 40},
                {"weight": "b", "number": "int8", "signal_to_noise_db": 41, "worst_scale_db": 39}]})");
}

inline Document ExampleInspection() {
  return Example("vlaq.inspect/1", "inspect.json",
                 R"({"schema": "vlaq.inspect/1", "kind": "bundle", "path": "mae0222_int8",
    "parts": [{"part": "rnn", "dtype": "int8", "bytes": 2000000, "parameters": 2000000},
              {"part": "rnn", "dtype": "float32", "bytes": 1000000, "parameters": 250000}]})");
}

inline Document ExampleCost() {
  return Example("vlaq.plan_cost/1", "cost.json", R"({"schema": "vlaq.plan_cost/1", "model": {"path": "mae0222"},
    "smallest_bytes": {"fp32": 6815892488, "int8": 1703973122},
    "estimate": {"device": {"title": "Jetson"}, "limits": [{"power": "15W", "confirmed": false, "precision": "int8",
      "scenario": "frame", "seconds_at_least": 0.017, "per_second_at_most": 58.6, "bound_by": "arithmetic"}]},
    "claim_size": {"bytes": 44000000, "possible": false}, "claim_fps": {"per_second": 700, "possible": false}})");
}

inline Document ExampleDevice() {
  return Example("vlaq.plan_device/1", "device.json", R"({"schema": "vlaq.plan_device/1", "model": {"path": "mae0222"},
    "device": {"title": "Jetson"}, "memory": {"available_bytes": 13700000000},
    "fit": [{"precision": "fp16", "running": [{"engines": ["encoder", "head"], "running_bytes": 3420000000,
                                               "loading_bytes": 6760000000, "fits": true}]}],
    "limits": [{"power": "MAXN", "confirmed": true, "precision": "fp16", "scenario": "frame", "seconds_at_least": 0.03,
                "per_second_at_most": 33.5, "bound_by": "memory"}]})");
}

// All but the drive, whose picture is a file.
inline std::vector<Document> Examples() {
  return {ExampleReceipt(),   ExampleResults(),    ExampleOpenLoop(), ExampleSimulation(), ExamplePlan(),
          ExampleQuantized(), ExampleInspection(), ExampleCost(),     ExampleDevice()};
}

}  // namespace vlaq::report
