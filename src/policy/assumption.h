// What had to be taken for granted about a policy because neither checkpoint nor files said it. Plain data.
#pragma once

#include <string>
#include <string_view>

namespace vlaq::policy {

struct Assumption {
  std::string setting;  // key of policy.json or config.json: "action_scale"; empty in bundles of older versions
  std::string value;    // as it would stand there
  std::string text;     // for people: "action_scale is 2: velocity = 2 x action"
};

// True if a wrong guess changes what the robot does without looking wrong: scale, pixels, feature, instruction,
// weights.
constexpr bool CanHurt(std::string_view setting) {
  return setting == "action_scale" || setting == "feature_source" || setting == "prompt_text" ||
         setting == "state_dict" || (setting.starts_with("preprocess.") && setting != "preprocess.pass_order") ||
         setting.ends_with(".preprocess") || setting.ends_with(".normalize") || setting.ends_with(".unnormalize");
}

}  // namespace vlaq::policy
