// Kosmos-2 with an LSTM head: Mobile VLA and the RoboVLMs naming of the same network (spec/model.md 8, variants A to
// C). Start reading at graphs.cc (the three graphs), then towers.h (their parts), structure.h (what a checkpoint is).
#pragma once

#include "architecture/architecture.h"

namespace vlaq::kosmos2_lstm {

class Kosmos2Lstm : public architecture::Architecture {
 public:
  std::string_view name() const override { return "kosmos2_lstm"; }
  Result<architecture::SummaryOrReason> Summarise(const checkpoint::Checkpoint& checkpoint) const override;
  Result<architecture::Proposal> Propose(const checkpoint::Checkpoint& checkpoint,
                                         const architecture::Settings& settings) const override;
  Result<architecture::PolicyGraphs> Build(const checkpoint::Checkpoint& checkpoint, const policy::PolicySpec& spec,
                                           const std::string& config,
                                           const architecture::BuildOptions& options) const override;
};

}  // namespace vlaq::kosmos2_lstm
