#include "cli/before_work.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/machine.h"
#include "base/text.h"
#include "bench/harness/comparison.h"
#include "bundle/bundle.h"

namespace vlaq::cli {
namespace {

// Those whose output is a bundle: a folder that may not be there. Else "DIR" is one that may be, and takes files.
constexpr std::string_view kBundleMakers[] = {"export", "import", "quantize"};

// Results of a measurement that are there already, in words: after exit code 6 the same command finds those of the run
// before.
std::string WhatIsThere(const std::filesystem::path& path) {
  const auto stored = harness::ReadResults(path);
  if (!stored.ok()) return "";
  const auto valid = std::ranges::count(stored->subjects, harness::State::kValid, &harness::StoredSubject::state);
  return fmt::format(": results of an earlier run, {} of {} subjects VALID", valid, stored->subjects.size());
}

Status CheckFile(const std::filesystem::path& place, bool force) {
  Status status = CheckFilePlace(place, WhenExisting(force));
  if (status.ok() || status.error().code != ErrorCode::kUsage) return status;
  Error error = status.error();
  error.what += WhatIsThere(place);
  return error;
}

Status CheckOutput(const CLI::App& command, const CLI::Option& option, bool force) {
  const std::filesystem::path place = option.as<std::string>();
  const std::string kind = option.get_type_name();
  if (place.empty()) return UsageError(fmt::format("{} is empty", option.get_name()), "name a file or a folder");
  std::error_code ignored;
  const bool is_bundle =
      kind == "OUT" ? std::filesystem::is_directory(place, ignored)  // of check: as its input
                    : kind == "DIR" && std::ranges::find(kBundleMakers, command.get_name()) != std::end(kBundleMakers);
  if (is_bundle) return bundle::CheckPlace(place, WhenExisting(force));
  return kind == "DIR" ? CheckFolderPlace(place) : CheckFile(place, force);
}

Status CheckThreads(const CLI::Option& option, Log& log) {
  const int cores = ThisMachine().cores;
  const int threads = option.as<int>();
  const int most = std::max(64, 4 * cores);
  const auto what = [&] {
    return fmt::format("{} {} on a machine of {}", option.get_name(), threads, Counted(cores, "core"));
  };
  if (threads > most) return UsageError(what(), fmt::format("{} at most; 0 takes all cores", most));
  if (threads > cores) log.Warning(what() + ": they will wait for each other; 0 takes all cores");
  return {};
}

Status CheckGiven(const CLI::App& command, Log& log) {
  const CLI::Option* force = command.get_option_no_throw("--force");
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0) continue;
    if (option->check_lname("output")) {
      VLAQ_RETURN_IF_ERROR(CheckOutput(command, *option, force == nullptr || force->count() > 0));
    }
    if (option->check_lname("threads")) VLAQ_RETURN_IF_ERROR(CheckThreads(*option, log));
  }
  return {};
}

}  // namespace

Status CheckBeforeWork(const CLI::App& program, Log& log) {
  for (const CLI::App* command : program.get_subcommands()) {
    VLAQ_RETURN_IF_ERROR(CheckGiven(*command, log));
    VLAQ_RETURN_IF_ERROR(CheckBeforeWork(*command, log));
  }
  return {};
}

}  // namespace vlaq::cli
