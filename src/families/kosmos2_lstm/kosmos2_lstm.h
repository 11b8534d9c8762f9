// Kosmos-2 with an LSTM head: Mobile VLA and the RoboVLMs naming of the same network (docs/kosmos2_lstm.md 8, variants
// A to C). Start reading at graphs.cc (the three graphs), then towers.h (their parts), structure.h (what a checkpoint
// is), policy_of.h (what runs), settle.cc (what settings come from).
#pragma once

#include "families/family.h"

namespace vlaq::kosmos2_lstm {

class Kosmos2Lstm : public families::Family {
 public:
  std::string_view name() const override { return "kosmos2_lstm"; }
  std::string_view description() const override {
    return "Kosmos-2 with an LSTM head: Mobile VLA, and RoboVLMs' naming of the same network";
  }
  const std::vector<families::SettingInfo>& settings() const override;
  Result<families::SummaryOrReason> Recognize(const checkpoint::Checkpoint& checkpoint) const override;
  Result<families::Proposal> Settle(const checkpoint::Checkpoint& checkpoint, const families::Settings& settings,
                                    Log& log) const override;
  Result<families::PolicyGraphs> Build(const checkpoint::Checkpoint& checkpoint, const std::string& settings,
                                       const std::string& config, const families::BuildOptions& options) const override;
  Status Check(const policy::Policy& policy, const std::string& where) const override;
  Result<families::SettingsFile> ReadSettings(const std::filesystem::path& file,
                                              const std::string& defaults) const override;
  families::StatedSettings ReadStated(const checkpoint::Checkpoint& checkpoint) const override;
  Result<std::unique_ptr<families::TextEncoder>> OpenTextEncoder(const policy::Policy& policy,
                                                                 const policy::Input& input,
                                                                 const std::filesystem::path& tokenizer) const override;
  Result<std::vector<std::string>> GoldenStages(const policy::Policy& policy) const override;
  const families::Traits& traits() const override;
  std::string_view golden_script() const override { return "torch_golden.py"; }
  Result<policy::Policy> FromOldManifest(const families::OldManifest& manifest,
                                         const std::string& where) const override;
  std::vector<std::string> synthetic_sizes() const override { return {"micro", "full"}; }
  Result<std::vector<std::string>> Synthesize(const std::filesystem::path& path,
                                              const families::SyntheticOptions& options, Log& log) const override;
};

}  // namespace vlaq::kosmos2_lstm

namespace vlaq::families {

const Family& kosmos2_lstm_family();

}  // namespace vlaq::families
