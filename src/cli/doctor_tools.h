// What other people's tools this machine has, of those that some commands need: for a board, and for comparisons.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vlaq::cli {

struct ToolRow {
  std::string name;
  std::string version;  // with where it is; empty: not found
  std::string purpose;
};

// Looks below `root` ("/"), so that tests can show other machines; programs are looked up on PATH.
std::vector<ToolRow> FindTools(const std::filesystem::path& root);

}  // namespace vlaq::cli
