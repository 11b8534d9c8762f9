#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "families/family.h"

namespace vlaq::cli {
namespace {

struct SynthArguments {
  std::filesystem::path output;
  std::string family, size = "micro";
  uint64_t seed = 0;
  bool plain = false;
  bool force = false;
  bool json = false;
};

Status Synthesise(const SynthArguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const families::Family* family, families::Find(a.family));
  const families::SyntheticOptions options{a.size, a.seed, a.plain, WhenExisting(a.force)};
  if (a.output.has_parent_path()) VLAQ_RETURN_IF_ERROR(MakeFolder(a.output.parent_path()));
  const auto start = std::chrono::steady_clock::now();
  VLAQ_ASSIGN_OR_RETURN(const std::vector<std::string> beside, family->Synthesize(a.output, options, context.log));
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
  if (!beside.empty()) {
    std::vector<std::string> paths;
    for (const std::string& name : beside) paths.push_back((a.output.parent_path() / name).string());
    context.out << fmt::format("{}: what it does not say, for `vlaq export`\n", fmt::join(paths, " and "));
  }
  return {};
}

}  // namespace

Action AddSynth(CLI::App& app, Context& context) {
  auto a = std::make_shared<SynthArguments>();
  CLI::App* checkpoint =
      app.add_subcommand("checkpoint", "A .pth with the names, shapes and container of a trained one");
  app.require_subcommand(1);
  std::vector<std::string> families, sizes;
  for (const families::Family* family : families::All()) {
    const std::vector<std::string> own = family->synthetic_sizes();
    if (own.empty()) continue;
    families.emplace_back(family->name());
    for (const std::string& size : own) {
      if (std::ranges::find(sizes, size) == sizes.end()) sizes.push_back(size);
    }
  }
  if (!families.empty()) a->family = families.front();
  OneOf(checkpoint->add_option("--family", a->family, "Family of the checkpoint"), families)->capture_default_str();
  OneOf(checkpoint->add_option("--size", a->size, "full: as large as the real one; micro: the same tensors, narrow"),
        sizes)
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
