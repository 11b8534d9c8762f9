// An inspect document for people.
#pragma once

#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "base/text.h"

namespace vlaq::cli {

// `operators`: also how many of which each graph of a bundle has; of a graph alone they are always listed.
std::string InspectText(const Json& document, bool operators = false);

// A section with a title and a table below.
std::string Section(std::string_view title, const TextTable& table);

inline constexpr double kBarWidth = 40;  // characters of the longest bar

std::string JsonText(const Json& value);   // a string without its quotes
std::string JsonCount(const Json& value);  // digits in groups

// The "files" of a document with their hashes; empty where it has none.
std::string FilesText(const Json& document);

// The documents of kinds "episodes" and "recording".
std::string EpisodesText(const Json& document);
std::string RecordingText(const Json& document);

}  // namespace vlaq::cli
