// `vlaq data check` of episodes: whether their files can be read, and their time stamps are sound.
#pragma once

#include <filesystem>
#include <vector>

#include "cli/command.h"

namespace vlaq::cli {

// Prints a row an episode and what is wrong. Errors: kVerification if something is; kUsage and kInput where there are
// no episodes at all.
Status CheckEpisodes(const std::vector<std::filesystem::path>& paths, Context& context);

}  // namespace vlaq::cli
