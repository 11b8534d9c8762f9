// The verbs, in the order of --help.
#pragma once

#include <array>
#include <string_view>

#include "cli/verb.h"

namespace vlaq::cli {

Action AddInspect(CLI::App& app, Context& context);
Action AddExport(CLI::App& app, Context& context);
Action AddImport(CLI::App& app, Context& context);
Action AddCalibrate(CLI::App& app, Context& context);
Action AddPlan(CLI::App& app, Context& context);
Action AddQuantize(CLI::App& app, Context& context);
Action AddPreflight(CLI::App& app, Context& context);
Action AddBuild(CLI::App& app, Context& context);
Action AddRun(CLI::App& app, Context& context);
Action AddGolden(CLI::App& app, Context& context);
Action AddVerify(CLI::App& app, Context& context);
Action AddEpisodes(CLI::App& app, Context& context);
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

struct VerbRow {
  std::string_view name;
  std::string_view summary;
  AddVerb add;
  std::string_view group = kTools;
};

inline constexpr std::array kVerbs{
    VerbRow{"export", "Turn a checkpoint into a bundle of ONNX graphs", AddExport, kMake},
    VerbRow{"import", "Turn ONNX files into a bundle", AddImport, kMake},
    VerbRow{"calibrate", "Run a bundle on recorded frames and keep the ranges of its values", AddCalibrate, kMake},
    VerbRow{"plan", "Say which operator gets which format, and why", AddPlan, kMake},
    VerbRow{"quantize", "Turn a bundle into one that a target runs fast", AddQuantize, kMake},
    VerbRow{"golden", "Compute with PyTorch what a checkpoint does on frames, for verify", AddGolden, kProve},
    VerbRow{"verify", "Prove that a bundle is the checkpoint's policy", AddVerify, kProve},
    VerbRow{"eval", "Say what a policy is worth: on recorded episodes, and driving in the simulator", AddEval, kProve},
    VerbRow{"report", "Show receipts, measurements and evaluations as one page", AddReport, kProve},
    VerbRow{"bench", "Measure bundles, graphs and PyTorch in turns, and say whether the figures may be believed",
            AddBench, kMeasure},
    VerbRow{"compare", "Compare two measurements; fail if something got slower", AddCompare, kMeasure},
    VerbRow{"run", "Run a bundle on camera frames", AddRun, kRun},
    VerbRow{"preflight", "Say whether a version of TensorRT will take a bundle or a graph, and why not", AddPreflight,
            kBoard},
    VerbRow{"build", "Build TensorRT engines on the board, and check what really runs in them", AddBuild, kBoard},
    VerbRow{"episodes", "Split recorded episodes, prove that splits share none, check episodes", AddEpisodes, kData},
    VerbRow{"sim", "Record episodes in the simulator, and show them", AddSim, kData},
    VerbRow{"synth", "Make a checkpoint of the true structure with random weights", AddSynth, kData},
    VerbRow{"inspect", "Show what a checkpoint, an ONNX model, a bundle or recorded episodes are", AddInspect, kTools},
    VerbRow{"doctor", "Show what this machine has and what is missing", AddDoctor, kTools},
    VerbRow{"completion", "Print the shell completion", AddCompletion, kTools},
};

}  // namespace vlaq::cli
