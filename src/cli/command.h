// What every command is made of. One file per command; cli/commands.h lists them.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "backend/backend.h"
#include "base/json_fwd.h"
#include "base/log.h"
#include "base/output.h"
#include "base/status.h"
#include "vlaq/policy.h"

namespace vlaq::cli {

struct Context {
  std::ostream& out;  // results
  std::ostream& err;  // progress, notes, warnings, errors
  Log& log;
  std::vector<std::string> command = {};  // as it was typed, "vlaq" first
};

// Runs a parsed command.
using Action = std::function<Status()>;

// One command: adds its options to `app` (a sub-command) and returns what to do when it was chosen. Values that options
// are parsed into live in the returned function.
using AddCommand = Action (*)(CLI::App& app, Context& context);

// --json: one document on stdout instead of text.
void AddJsonFlag(CLI::App& app, bool& json);
// --force for commands that write.
void AddForceFlag(CLI::App& app, bool& force);
inline Existing WhenExisting(bool force) { return force ? Existing::kReplace : Existing::kRefuse; }

// Makes the option take one of these names only, in upper or lower case: they show in its help and in the completion,
// and another name is a usage error with those that were meant. An option that was not given is left alone.
CLI::Option* OneOf(CLI::Option* option, const std::vector<std::string>& names);

// Bytes with their unit: 512MiB, 2GiB, 44MB. A number without one is a usage error, since some would mean bytes by it
// and some mebibytes; but for an option that always took such numbers, in `unit`.
CLI::Option* AsSize(CLI::Option* option, std::string_view unit = "");

// A time with its unit: 400ms, 60s, 5min, 2h, above 0; the option's variable gets it in `unit`, which a number without
// one is taken in, too.
CLI::Option* AsTime(CLI::Option* option, std::string_view unit = "s");

// Which back end runs a graph, and how.
struct BackendChoice {
  std::string name = "onnxruntime";
  std::string provider = "cpu";
  std::filesystem::path library;  // --ort
  int threads = 0;
  std::vector<std::string> fallback_providers, provider_options;  // KEY=VALUE
  std::filesystem::path cache, engines;

  void AddTo(CLI::App& app, const std::string& group = "Back end");
  // Errors: kUsage for options that do not go together.
  Status Check() const;
  // Errors: as Check(), and kBackend if it is not available. No fallback.
  Result<std::unique_ptr<backend::Backend>> Make() const;
  backend::OpenOptions Options() const;
  // The same for the public API; the policy's own options (schedule, tokenizer, seed) are left as they are.
  PolicyOptions ForPolicy() const;
  // The same choice as words of a command line, each after a space.
  std::string CommandLine() const;
};

// "1,2,3" -> numbers. Errors: kUsage naming `option`.
Result<std::vector<int64_t>> ParseIds(const std::string& text, const std::string& option);

// Null for what JSON has no number for: NaN, infinity.
Json OrNull(double value);

// Prints a document as the commands' --json do.
void PrintJson(const Json& document, std::ostream& out);

}  // namespace vlaq::cli
