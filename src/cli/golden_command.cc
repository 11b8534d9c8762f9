#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/run_program.h"
#include "base/scratch_folder.h"
#include "base/text.h"
#include "checkpoint/safetensors_writer.h"
#include "cli/checkpoint_settings.h"
#include "cli/commands.h"
#include "cli/frame_argument.h"
#include "cli/torch_python.h"
#include "policy/value_shapes.h"

namespace vlaq::cli {
namespace {

namespace fs = std::filesystem;

struct GoldenArguments {
  CheckpointSettings settings;
  std::vector<std::string> frames;
  fs::path output;
  int count = 16;
  bool force = false, json = false;
};

// uint8 [T, H, W, 3]: the first `count` frames, or all if there are fewer.
Result<Tensor> Stacked(const image::FrameSource& frames, size_t count) {
  count = std::min(count, frames.size());
  Tensor all;
  for (size_t i = 0; i < count; ++i) {
    VLAQ_ASSIGN_OR_RETURN(const image::Frame frame, frames.Read(i));
    const image::ImageView& pixels = frame.pixels;
    const Shape shape{static_cast<int64_t>(count), pixels.height, pixels.width, 3};
    if (i == 0) all = Tensor::Make(DType::kU8, shape);
    if (shape != all.shape()) {
      return InputError(frame.name,
                        fmt::format("is {} x {} pixels, the frames before it {} x {}", pixels.width, pixels.height,
                                    all.shape()[2], all.shape()[1]),
                        "give frames of one camera");
    }
    std::ranges::copy(pixels.rgb, all.mutable_data<uint8_t>().subspan(i * pixels.rgb.size()).begin());
  }
  return all;
}

Status RunGolden(const GoldenArguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const TorchTools torch, RequireTorch("vlaq golden"));
  VLAQ_ASSIGN_OR_RETURN(const exporting::ExportOptions options, a.settings.Options());
  VLAQ_ASSIGN_OR_RETURN(const exporting::Settled settled, exporting::Settle(options, context.log));
  VLAQ_ASSIGN_OR_RETURN(const auto frames, OpenFrames(a.frames, context.log));
  VLAQ_ASSIGN_OR_RETURN(const Tensor pixels, Stacked(*frames, static_cast<size_t>(a.count)));
  const std::string script(settled.family->golden_script());
  if (script.empty()) {
    return UsageError(fmt::format("{}: vlaq knows no other implementation of the family {} to ask",
                                  settled.checkpoint->path().string(), settled.family->name()),
                      "compute golden data with the training side's own code: docs/verification.md has the format");
  }
  VLAQ_ASSIGN_OR_RETURN(const Json settings, ParseJson(settled.proposal.settings, "settings"));
  Json policy = settings;
  VLAQ_ASSIGN_OR_RETURN(policy["config"], ParseJson(settled.proposal.config, "the checkpoint's configuration"));

  VLAQ_ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::Make("golden"));
  const fs::path policy_file = scratch.path() / "policy.json", frames_file = scratch.path() / "frames.safetensors";
  VLAQ_RETURN_IF_ERROR(WriteFile(policy_file, JsonString(policy, 1), Existing::kRefuse));
  VLAQ_RETURN_IF_ERROR(checkpoint::WriteSafetensors(frames_file, {{"frames.u8", pixels}}));
  VLAQ_ASSIGN_OR_RETURN(OutputPath output, OutputPath::Create(a.output, WhenExisting(a.force)));
  std::vector<std::string> command{torch.python.string(),
                                   (torch.folder / script).string(),
                                   settled.checkpoint->path().string(),
                                   policy_file.string(),
                                   frames_file.string(),
                                   output.path().string()};
  if (!settled.provenance.state_dict.empty()) command.push_back(settled.provenance.state_dict);
  constexpr double kWeek = 7.0 * 24 * 3600;  // a full-size model takes as long as it takes
  VLAQ_ASSIGN_OR_RETURN(const ProgramRun run, RunProgram(command, kWeek));
  if (run.exit_code != 0) {
    return Error{ErrorCode::kBackend, fmt::format("PyTorch {}:\n{}", run.HowItEnded(), run.output),
                 settled.checkpoint->path().string(), "python/README.md says which policies it knows"};
  }
  VLAQ_RETURN_IF_ERROR(output.Commit());

  const int64_t count = pixels.shape()[0];
  const int64_t window = policy::LongestWindow(settled.proposal.policy).value_or(1);
  if (a.json) {
    PrintJson({{"schema", "vlaq.golden/2"},
               {"golden", a.output.string()},
               {"checkpoint", settled.checkpoint->path().string()},
               {"frames", count},
               {"settings", settings},
               {"seconds", run.seconds}},
              context.out);
    return {};
  }
  context.out << fmt::format("{}: {}, every stage and action as PyTorch computes them, {:.1f} s\n", a.output.string(),
                             Counted(count, "frame"), run.seconds);
  if (window > 1 && count <= window) {
    context.out << fmt::format("a window holds {} frames: with more than that, golden data show the window, too\n",
                               window);
  }
  context.out << fmt::format("\nNext: vlaq verify BUNDLE --against {} --golden {}\n",
                             ShellWord(settled.checkpoint->path().string()), ShellWord(a.output.string()));
  return {};
}

}  // namespace

Action AddGolden(CLI::App& app, Context& context) {
  auto a = std::make_shared<GoldenArguments>();
  app.add_option("--frames", a->frames, std::string(kFramesHelp))->type_name("SRC")->required();
  app.add_option("-o,--output", a->output, "The .safetensors file to write")->type_name("FILE")->required();
  app.add_option("--frames-count", a->count, "Frames to take, from the first")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  a->settings.AddTo(app);
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  app.footer(
      "Needs PyTorch and transformers: script/pytorch installs them. The policy is told what vlaq export would tell "
      "it;\n"
      "give the same options as there. Nothing of vlaq computes: frames are resized by Pillow.\n"
      "Examples:\n"
      "  vlaq golden model.pth --frames frames/ -o golden.safetensors\n"
      "  vlaq verify policy --against model.pth --golden golden.safetensors");
  return [a, &context] { return RunGolden(*a, context); };
}

}  // namespace vlaq::cli
