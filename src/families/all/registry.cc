// What is asked of all families at once. Which there are, CMake finds: all() stands in a file that it writes.
#include <fmt/format.h>

#include <algorithm>

#include "checkpoint/folder.h"
#include "families/family.h"

namespace vlaq::families {

const Family* FindOrNull(std::string_view name) {
  const auto all = All();
  const auto it = std::ranges::find_if(all, [&](const Family* family) { return family->name() == name; });
  return it == all.end() ? nullptr : *it;
}

Result<const Family*> Find(std::string_view name) {
  if (const Family* found = FindOrNull(name)) return found;
  std::string known;
  for (const Family* family : All()) known += (known.empty() ? "" : ", ") + std::string(family->name());
  return InputError("", fmt::format("unknown family '{}'", name), fmt::format("known are {}", known));
}

Result<std::shared_ptr<const checkpoint::Checkpoint>> OpenCheckpoint(const std::filesystem::path& path,
                                                                     const checkpoint::OpenOptions& options) {
  using checkpoint::Checkpoint;
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return Checkpoint::Open(path, options);
  VLAQ_ASSIGN_OR_RETURN(const auto files, checkpoint::CandidatesIn(path));
  if (files.size() == 1) return Checkpoint::Open(files.front(), options);
  std::vector<std::filesystem::path> known;
  std::shared_ptr<const Checkpoint> found;
  for (const auto& file : files) {
    auto opened = Checkpoint::Open(file, options);
    if (!opened.ok() || !Recognize(**opened).ok()) continue;
    known.push_back(file);
    found = *opened;
  }
  if (known.size() == 1) return found;
  return checkpoint::SeveralIn(path, known.empty() ? files : known);
}

Result<const Family*> Recognize(const checkpoint::Checkpoint& checkpoint) {
  std::string reasons;
  for (const Family* family : All()) {
    VLAQ_ASSIGN_OR_RETURN(const SummaryOrReason found, family->Recognize(checkpoint));
    if (found.summary) return family;
    reasons += fmt::format("{}not {}: {}", reasons.empty() ? "" : "; ", family->name(), found.reason);
  }
  return InputError(checkpoint.path().string(), fmt::format("is of no known architecture ({})", reasons),
                    "`vlaq inspect` shows what the file holds");
}

const Traits& TraitsOf(std::string_view family) {
  static const Traits none;
  const Family* known = FindOrNull(family);
  return known == nullptr ? none : known->traits();
}

bool CanHurt(std::string_view family, std::string_view setting) {
  if (policy::CanHurt(setting)) return true;
  const Family* known = FindOrNull(family);
  if (known == nullptr) return false;
  return std::ranges::any_of(known->settings(),
                             [&](const SettingInfo& info) { return info.key == setting && info.can_hurt; });
}

}  // namespace vlaq::families
