// What had to be taken for granted about a policy because neither checkpoint nor files said it, and by what such a
// setting can be shown to be right. Plain data.
#pragma once

#include <string>
#include <string_view>

namespace vlaq::policy {

struct Assumption {
  std::string setting;  // key of policy.json or config.json: "action_scale"; empty in bundles of older versions
  std::string value;    // as it would stand there
  std::string text;     // for people: "action_scale is 2: velocity = 2 x action"
};

// What was compared, and by that shows settings to be right.
enum class Shown {
  kShapes,
  kGoldenPixels,
  kGoldenActions,
  kGoldenWindow,
  kGoldenPrompt,
  kEpisodes,
  kNormalization,
  kChannelOrder
};

// True for settings of any policy of which a wrong guess changes what the robot does without looking wrong: pixels,
// scales, weights. Those of a family, it says itself (families::CanHurt).
constexpr bool CanHurt(std::string_view setting) {
  return setting == "state_dict" || setting.ends_with(".preprocess") || setting.ends_with(".normalize") ||
         setting.ends_with(".unnormalize");
}

}  // namespace vlaq::policy
