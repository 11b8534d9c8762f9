// What an episode was told to do, if its file does not say: the recorder's file names hold the side.
#pragma once

#include <string>
#include <string_view>

namespace vlaq::episode {

// "pass the box on the left and go to the bottle" for "episode_20250815_1box_hori_left_core.h5": a sentence with the
// one word, "left" or "right", that stands in the file's name (between characters that are not letters). Empty if
// neither does, or both.
std::string InstructionFromName(std::string_view file_name);

}  // namespace vlaq::episode
