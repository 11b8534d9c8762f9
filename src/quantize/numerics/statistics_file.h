// stats.json: ActivationStatistics as JSON ("vlaq.statistics/1") and back.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/json_field.h"
#include "base/status.h"
#include "quantize/numerics/statistics.h"

namespace vlaq::numerics {

// The same statistics always give the same text; one line for each value. Histograms leave out empty bins at both ends,
// and write runs of empty bins between as one negative number.
std::string StatisticsText(const ActivationStatistics& statistics);
// Errors: kInput naming `where`, the value and the key: what is missing, of the wrong type, or impossible (a minimum
// above the maximum, a histogram that does not add up, a not-finite number).
Result<ActivationStatistics> ParseStatistics(std::string_view text, const std::string& where);
Result<ActivationStatistics> ReadStatistics(const std::filesystem::path& path);

// Parts of the format that a calibration's progress file shares.
Json ToJson(const Histogram& histogram);
Histogram ReadHistogram(const JsonField& field);

}  // namespace vlaq::numerics
