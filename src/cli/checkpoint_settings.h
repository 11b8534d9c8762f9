// A checkpoint and what it does not say of itself, as options of every verb that settles both (exporting::Settle).
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "export/export.h"

namespace vlaq::cli {

inline constexpr std::string_view kPromptGroup =
    "Prompt (baked into the whole-policy graph; the encoder takes any prompt at run time)";

struct CheckpointSettings {
  void AddTo(CLI::App& app);
  // Without output and build. Errors: kUsage for ids that are no numbers.
  Result<exporting::ExportOptions> Options() const;

  std::filesystem::path checkpoint, config, policy, tokenizer;
  std::string state_dict, feature_source, prompt_layout, prompt_ids;
  std::optional<std::string> instruction;
  std::vector<std::string> overrides;
};

}  // namespace vlaq::cli
