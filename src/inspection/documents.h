// One function for each kind of document. Used by inspect.cc only.
#pragma once

#include "inspection/inspect.h"
#include "policy/policy.h"
#include "tensor/non_finite.h"

namespace vlaq::inspection {

Result<Json> InspectCheckpoint(const std::filesystem::path& path, const InspectOptions& options, Log& log);
Result<Json> InspectModel(const std::filesystem::path& path, const InspectOptions& options);
Result<Json> InspectBundle(const std::filesystem::path& path, const InspectOptions& options, Log& log);
// What a policy takes and gives, and a line for each of its schedules, for "features" of a bundle's document.
Json DescribePolicy(const policy::Policy& policy);
// Describes a JSON file: which of vlaq's documents it is, and which command takes it. Errors: kInput if it is none.
Result<Json> InspectJson(const std::filesystem::path& path);
// An MCAP file: topics, types, counts and rates, from its summary where it has one.
Result<Json> InspectRecording(const std::filesystem::path& path, const InspectOptions& options, Log& log);
Result<Json> InspectEpisodes(const std::filesystem::path& path, const InspectOptions& options, Log& log);

// One weight that holds NaN or infinity, for "non_finite", and a warning about it.
Json NonFiniteRow(const std::string& tensor, const NonFinite& found, int64_t elements, Log& log);

// The start that all documents share.
Json NewDocument(std::string_view kind, const std::filesystem::path& path);

}  // namespace vlaq::inspection
