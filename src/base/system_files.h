// What the kernel says in small text files (sysfs, procfs, the device tree): one line, often one number. All below a
// root that the caller names, so that tests can show other machines. A file that is not there or not readable is
// absent.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vlaq {

// Up to the end of the line or a zero, with which the device tree ends its texts.
std::optional<std::string> FirstLine(const std::filesystem::path& path);

// The number that the first line begins with.
std::optional<double> FirstNumber(const std::filesystem::path& path);

// Entries of `folder` whose names begin with `prefix`, in order.
std::vector<std::filesystem::path> EntriesBeginning(const std::filesystem::path& folder, std::string_view prefix);

// W, of a Jetson's INA3221: millivolts times milliamperes of its first rail, which is the board's input.
std::optional<double> BoardInputWatts(const std::filesystem::path& root);

}  // namespace vlaq
