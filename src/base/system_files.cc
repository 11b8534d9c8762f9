#include "base/system_files.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace vlaq {
namespace fs = std::filesystem;

std::optional<std::string> FirstLine(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  line.erase(std::find(line.begin(), line.end(), '\0'), line.end());
  return line;
}

std::optional<double> FirstNumber(const fs::path& path) {
  std::istringstream text(FirstLine(path).value_or(""));
  double value = 0;
  if (text >> value) return value;
  return std::nullopt;
}

std::vector<fs::path> EntriesBeginning(const fs::path& folder, std::string_view prefix) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::optional<double> BoardInputWatts(const fs::path& root) {
  for (const fs::path& chip : EntriesBeginning(root / "sys/class/hwmon", "hwmon")) {
    if (FirstLine(chip / "name").value_or("") != "ina3221") continue;
    const auto millivolts = FirstNumber(chip / "in1_input"), milliamperes = FirstNumber(chip / "curr1_input");
    if (millivolts && milliamperes) return *millivolts * *milliamperes * 1e-6;
  }
  return std::nullopt;
}

}  // namespace vlaq
