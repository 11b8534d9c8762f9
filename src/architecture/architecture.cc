#include "architecture/architecture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "architecture/kosmos2_lstm/kosmos2_lstm.h"
#include "checkpoint/folder.h"

namespace vlaq::architecture {

std::span<const Architecture* const> All() {
  static const kosmos2_lstm::Kosmos2Lstm kosmos2_lstm;
  static const std::array<const Architecture*, 1> all{&kosmos2_lstm};
  return all;
}

Result<const Architecture*> Find(std::string_view name) {
  std::string known;
  for (const Architecture* architecture : All()) {
    if (architecture->name() == name) return architecture;
    known += (known.empty() ? "" : ", ") + std::string(architecture->name());
  }
  return InputError("", fmt::format("unknown architecture '{}'", name), fmt::format("known are {}", known));
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
    if (!opened.ok() || !Recognise(**opened).ok()) continue;
    known.push_back(file);
    found = *opened;
  }
  if (known.size() == 1) return found;
  return checkpoint::SeveralIn(path, known.empty() ? files : known);
}

Result<const Architecture*> Recognise(const checkpoint::Checkpoint& checkpoint) {
  std::string reasons;
  for (const Architecture* architecture : All()) {
    VLAQ_ASSIGN_OR_RETURN(const SummaryOrReason found, architecture->Summarise(checkpoint));
    if (found.summary) return architecture;
    reasons += fmt::format("{}not {}: {}", reasons.empty() ? "" : "; ", architecture->name(), found.reason);
  }
  return InputError(checkpoint.path().string(), fmt::format("is of no known architecture ({})", reasons),
                    "`vlaq inspect` shows what the file holds");
}

}  // namespace vlaq::architecture
