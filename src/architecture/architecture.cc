#include "architecture/architecture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "architecture/kosmos2_lstm/kosmos2_lstm.h"

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
