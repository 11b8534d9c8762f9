// A checkpoint and what it does not say of itself, as options of every command that settles both (exporting::Settle).
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "export/export.h"

namespace vlaq::cli {

inline constexpr std::string_view kTaskGroup = "Instruction (what graphs that take no text are told)";

// --help-family NAME: what a family's settings are, printed in place of running.
std::string FamilyHelp(const families::Family& family);

struct CheckpointSettings {
  void AddTo(CLI::App& app);
  // Without output and build. Errors: kUsage for ids that are no numbers and for what is no KEY=VALUE.
  Result<exporting::ExportOptions> Options() const;

  std::filesystem::path checkpoint, config, policy, tokenizer;
  std::string state_dict, ids;
  std::vector<std::string> set;                // KEY=VALUE
  std::map<std::string, std::string> spelled;  // key -> value, of settings with an option of their own
  std::optional<std::string> instruction;
  std::vector<std::string> overrides;
};

}  // namespace vlaq::cli
