// What `vlaq build` prints.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>

#include "deployment/engine_job.h"
#include "deployment/engines.h"
#include "engine/choose.h"

namespace vlaq::cli {

// What would be run; `trtexec` may be empty: whichever is there.
void PrintCommands(const deployment::Commands& commands, const std::string& trtexec, bool json, std::ostream& out);
// The engines that are there, what runs in them, and why nothing of it counts as measured.
void PrintBuilt(const deployment::EngineJob& job, bool json, std::ostream& out);
// Group by group what the edited plan has, and what to do with it.
void PrintChoice(const engine::Choice& choice, const std::filesystem::path& output, std::ostream& out);

}  // namespace vlaq::cli
