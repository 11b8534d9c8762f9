// The commands, in the order of --help.
#pragma once

#include <array>
#include <string_view>

#include "cli/command.h"

namespace vlaq::cli {

Action AddInspect(CLI::App& app, Context& context);
Action AddExport(CLI::App& app, Context& context);
Action AddImport(CLI::App& app, Context& context);
Action AddCalibrate(CLI::App& app, Context& context);
Action AddPlan(CLI::App& app, Context& context);
Action AddQuantize(CLI::App& app, Context& context);
Action AddCheck(CLI::App& app, Context& context);
Action AddBuild(CLI::App& app, Context& context);
Action AddRun(CLI::App& app, Context& context);
Action AddRobot(CLI::App& app, Context& context);
Action AddServe(CLI::App& app, Context& context);
Action AddGolden(CLI::App& app, Context& context);
Action AddVerify(CLI::App& app, Context& context);
Action AddData(CLI::App& app, Context& context);
Action AddEval(CLI::App& app, Context& context);
Action AddBench(CLI::App& app, Context& context);
Action AddCompare(CLI::App& app, Context& context);
Action AddReport(CLI::App& app, Context& context);
Action AddSim(CLI::App& app, Context& context);
Action AddSynth(CLI::App& app, Context& context);
Action AddDoctor(CLI::App& app, Context& context);
Action AddCompletion(CLI::App& app, Context& context);

// The headings of --help, in its order.
inline constexpr std::string_view kMake = "Make a policy that runs", kProve = "Prove it", kMeasure = "Measure it",
                                  kRun = "Run it", kBoard = "Take it to a board", kData = "Data",
                                  kTools = "Look around";

struct CommandRow {
  std::string_view name;
  std::string_view summary;
  AddCommand add;
  std::string_view group = kTools;
};

inline constexpr std::array kCommands{
    CommandRow{"export", "Turn a checkpoint into a bundle of ONNX graphs", AddExport, kMake},
    CommandRow{"import", "Turn ONNX files into a bundle", AddImport, kMake},
    CommandRow{"calibrate", "Run a bundle on recorded frames and keep the ranges of its values", AddCalibrate, kMake},
    CommandRow{"plan", "Say which operator gets which format, and why", AddPlan, kMake},
    CommandRow{"quantize", "Turn a bundle into one that a target runs fast", AddQuantize, kMake},
    CommandRow{"golden", "Compute with PyTorch what a checkpoint does on frames, for verify", AddGolden, kProve},
    CommandRow{"verify", "Prove that a bundle is the checkpoint's policy", AddVerify, kProve},
    CommandRow{"eval", "Say what a policy is worth: on recorded episodes, and driving in the simulator", AddEval,
               kProve},
    CommandRow{"report", "Show receipts, measurements and evaluations as one page", AddReport, kProve},
    CommandRow{"bench", "Measure bundles, graphs and PyTorch in turns, and say whether the figures may be believed",
               AddBench, kMeasure},
    CommandRow{"compare", "Compare two measurements; fail if something got slower", AddCompare, kMeasure},
    CommandRow{"run", "Run a bundle on camera frames", AddRun, kRun},
    CommandRow{"robot", "Drive a robot by ROS 2 topics, the simulated base, or recorded episodes; replay a drive",
               AddRobot, kRun},
    CommandRow{"serve", "Serve a bundle to robots and programs over the network: openpi's websocket, HTTP", AddServe,
               kRun},
    CommandRow{"check", "Say whether a version of TensorRT will take a bundle or a graph, and why not", AddCheck,
               kBoard},
    CommandRow{"build", "Build TensorRT engines on the board, and check what really runs in them", AddBuild, kBoard},
    CommandRow{"data", "Split recorded episodes, prove that splits share none, check episodes", AddData, kData},
    CommandRow{"sim", "Record episodes in the simulator, and show them", AddSim, kData},
    CommandRow{"synth", "Make a checkpoint of the true structure with random weights", AddSynth, kData},
    CommandRow{"inspect", "Show what a checkpoint, an ONNX model, a bundle, episodes or a recording are", AddInspect,
               kTools},
    CommandRow{"doctor", "Show what this machine has and what is missing", AddDoctor, kTools},
    CommandRow{"completion", "Print the shell completion", AddCompletion, kTools},
};

}  // namespace vlaq::cli
