#include <fmt/format.h>

#include <chrono>

#include "base/json.h"
#include "base/text.h"
#include "cli/verbs.h"
#include "synthesis/policy_checkpoint.h"

namespace vlaq::cli {
namespace {

struct SynthArguments {
  std::filesystem::path output;
  std::string size = "micro";
  uint64_t seed = 0;
  bool plain = false;
  bool force = false;
  bool json = false;
};

Status Synthesise(const SynthArguments& a, Context& context) {
  synthesis::CheckpointOptions options;
  options.size = a.size == "full" ? synthesis::Size::kFull : synthesis::Size::kMicro;
  options.seed = a.seed;
  options.plain = a.plain;
  options.existing = WhenExisting(a.force);
  if (a.output.has_parent_path()) VLAQ_RETURN_IF_ERROR(MakeFolder(a.output.parent_path()));
  const auto start = std::chrono::steady_clock::now();
  VLAQ_RETURN_IF_ERROR(synthesis::WriteCheckpoint(a.output, options, context.log));
  const bool side_files = options.size == synthesis::Size::kMicro;
  const std::filesystem::path folder = a.output.has_parent_path() ? a.output.parent_path() : ".";
  if (side_files) VLAQ_RETURN_IF_ERROR(synthesis::WriteSideFiles(folder, options.size, Existing::kReplace));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const uint64_t bytes = std::filesystem::file_size(a.output);
  if (a.json) {
    PrintJson({{"schema", "vlaq.synth/1"},
               {"file", a.output.string()},
               {"size", a.size},
               {"seed", a.seed},
               {"bytes", bytes},
               {"seconds", seconds}},
              context.out);
    return {};
  }
  context.out << fmt::format("{}: {} checkpoint with random weights, {}, {:.1f} s\n", a.output.string(), a.size,
                             HumanBytes(bytes), seconds);
  if (side_files) {
    context.out << fmt::format("{} and {}: what it does not say, for `vlaq export`\n",
                               (folder / "config.json").string(), (folder / "policy.json").string());
  }
  return {};
}

}  // namespace

Action AddSynth(CLI::App& app, Context& context) {
  auto a = std::make_shared<SynthArguments>();
  CLI::App* checkpoint =
      app.add_subcommand("checkpoint", "A .pth with the names, shapes and container of Mobile VLA's");
  app.require_subcommand(1);
  OneOf(checkpoint->add_option(
            "--size", a->size,
            "full: 909 tensors, 1.7 billion parameters, 7.1 GB; micro: the same tensors, narrow, 5 MB"),
        {"micro", "full"})
      ->capture_default_str();
  // CLI11 would read -1 as 2^64 - 1.
  checkpoint->add_option("--seed", a->seed, "Seed of the weights, 0 or more")
      ->capture_default_str()
      ->check([](const std::string& given) { return given.starts_with('-') ? "must not be negative" : ""; });
  checkpoint
      ->add_option("-o,--output", a->output, "The file to write; micro writes config.json and policy.json beside it")
      ->type_name("FILE.pth")
      ->required();
  checkpoint->add_flag(
      "--plain", a->plain,
      "Only the weights, so that torch.load(weights_only=True) takes it; otherwise also epoch, optimizer state, "
      "val_mae and argparse.Namespace, as the original's trainer saves");
  AddForceFlag(*checkpoint, a->force);
  AddJsonFlag(*checkpoint, a->json);
  checkpoint->footer(
      "Examples:\n"
      "  vlaq synth checkpoint --size micro -o micro/model.pth\n"
      "  vlaq synth checkpoint --size full --seed 7 -o full.pth");
  return [a, &context] { return Synthesise(*a, context); };
}

}  // namespace vlaq::cli
