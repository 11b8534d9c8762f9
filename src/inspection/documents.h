// The four kinds of documents. Used by inspect.cc only.
#pragma once

#include "inspection/inspect.h"

namespace vlaq::inspection {

Result<Json> InspectCheckpoint(const std::filesystem::path& path, const InspectOptions& options, Log& log);
Result<Json> InspectModel(const std::filesystem::path& path, const InspectOptions& options);
Result<Json> InspectBundle(const std::filesystem::path& path, const InspectOptions& options);
Result<Json> InspectEpisodes(const std::filesystem::path& path, const InspectOptions& options, Log& log);

// The start that all documents share.
Json NewDocument(std::string_view kind, const std::filesystem::path& path);

}  // namespace vlaq::inspection
