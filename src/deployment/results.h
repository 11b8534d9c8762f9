// jetson_tensorrt_results.json: what the engines do on the board, and nothing that was not measured there. Measured
// figures never give way to none, and to those of fewer engines only where the user says so.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "deployment/engines.h"
#include "deployment/reference.h"
#include "engine/board.h"

namespace vlaq::deployment {

// What a file of results that is there holds.
struct EarlierResults {
  bool ours = false;                 // a file that vlaq wrote
  bool measured = false;             // anything in it is called measured
  std::vector<std::string> engines;  // those whose figures are
};
// Nothing if there is no file. One that cannot be read counts as written by somebody else.
std::optional<EarlierResults> ReadEarlierResults(const std::filesystem::path& path);
// Before the work: whether results of these engines may be written there. A file that is not ours, and figures of more
// engines, give way with `replace` only. `why_not`: why nothing that this machine says is a measurement. Errors:
// kUsage; kUnstable if it can measure nothing and the file holds measured figures.
Status CheckEarlierResults(const std::filesystem::path& path, const std::vector<std::string>& engines,
                           const std::vector<std::string>& why_not, bool replace);
// After it: whether the file that is there stays, because these engines' figures do not make up for it.
bool EarlierResultsStay(const std::optional<EarlierResults>& earlier, const std::vector<std::string>& measured,
                        bool replace);

std::filesystem::path ResultsPath(const std::filesystem::path& engine_folder);
// A JSON estimate (vlaq plan device --json), as it stands in the results. Errors: kInput.
Result<Json> ReadEstimate(const std::filesystem::path& path);

struct MeasureOptions {
  std::filesystem::path folder;  // of the engines, and of the results
  double seconds = 10;           // that each engine runs
  double timeout_s = 3 * 3600;   // for all that comes before and after
  bool replace = false;
  Json estimate;  // null: none
};
struct Measured {
  std::filesystem::path written;  // empty: nothing was
  Status outcome;                 // the first failure; kUnstable with the reasons if not all of it is measured
};
// Runs every engine and writes what could be found out, even where some of it failed. `reference` may be null.
Measured MeasureEngines(const Engines& engines, const engine::Builder& builder, const engine::Board& board,
                        Reference* reference, const MeasureOptions& options, Log& log);

}  // namespace vlaq::deployment
