// The facts of the Mobile VLA recorder, whose files its reader (recorder_layout.cc) makes streams of, in one place: how
// its frames and actions are called, and what an episode was told to do if its file does not say.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace vlaq::data {

struct RecorderAction {
  std::string_view name, unit;
};

struct Recorder {
  std::string_view camera = "observation.images.front";  // dataset "images"
  // The values of the dataset "actions"; of [T, 2] the last one is missing, and 0.
  std::array<RecorderAction, 3> actions{{{"linear_x", "m/s"}, {"linear_y", "m/s"}, {"angular_z", "rad/s"}}};
  // Words of a file's name, one of which says the side, and the sentence that it stands for.
  std::array<std::string_view, 2> sides{"left", "right"};
  std::string_view sentence_begin = "pass the box on the ", sentence_end = " and go to the bottle";
};
inline constexpr Recorder kRecorder{};

// "pass the box on the left and go to the bottle" for "episode_20250815_1box_hori_left_core.h5": the sentence with the
// one of the words that stands in the file's name (between characters that are not letters). Empty if neither does, or
// both.
std::string InstructionFromName(std::string_view file_name);

}  // namespace vlaq::data
