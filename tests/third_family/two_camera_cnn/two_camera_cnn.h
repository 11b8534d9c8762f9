// A small policy of another kind, as a stranger would add it: two cameras through a convolution each, joined with the
// state of the robot, then an MLP to a chunk of actions. What its numbers mean stands in the checkpoint: state_mean,
// state_std, action_mean, action_std.
//   cameras.NAME.conv.weight [8, 3, 4, 4]   mlp.0.weight [H, in]   mlp.1.weight [chunk x dim, H], each with its bias
#pragma once

#include "families/family.h"

namespace vlaq::two_camera_cnn {

class TwoCameraCnn : public families::Family {
 public:
  std::string_view name() const override { return "two_camera_cnn"; }
  std::string_view description() const override { return "two cameras through a convolution each, state, MLP"; }
  const std::vector<families::SettingInfo>& settings() const override;
  Result<families::SummaryOrReason> Recognize(const checkpoint::Checkpoint& checkpoint) const override;
  Result<families::Proposal> Settle(const checkpoint::Checkpoint& checkpoint, const families::Settings& settings,
                                    Log& log) const override;
  Result<families::PolicyGraphs> Build(const checkpoint::Checkpoint& checkpoint, const std::string& settings,
                                       const std::string& config, const families::BuildOptions& options) const override;
};

}  // namespace vlaq::two_camera_cnn

namespace vlaq::families {

const Family& two_camera_cnn_family();

}  // namespace vlaq::families
