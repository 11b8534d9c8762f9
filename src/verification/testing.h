// Recorded episodes and fake policies for the tests of rungs 3 to 5.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "episode/episode_set.h"
#include "evaluation/testing.h"
#include "verification/report.h"

namespace vlaq::verification {

inline const evaluation::ActionSpace kTestSpace = evaluation::BaseSpace(0.5);

// What a perfect driver answers to a frame of this grey, and to an instruction.
inline float SpeedOf(int grey) { return static_cast<float>(grey) / 255; }
inline float SideOf(const std::string& instruction) {
  if (instruction.find("left") != std::string::npos) return 0.25F;
  return instruction.find("right") != std::string::npos ? -0.25F : 0.0F;
}

// Six frames of grey: frame t is `first` + 20 t; the perfect driver was recorded.
inline bool WriteGreyEpisode(const std::filesystem::path& path, const std::string& instruction, int first) {
  const auto scale = static_cast<float>(kTestSpace.ScaleOf(0));
  std::vector<evaluation::GreyStep> steps;
  for (int t = 0; t < 6; ++t) {
    const int grey = first + 20 * t;
    steps.push_back({grey, {scale * SpeedOf(grey), scale * SideOf(instruction), 0}});
  }
  return evaluation::WriteGreyEpisode(path, instruction, steps);
}

// The perfect driver, who looks and listens.
inline const evaluation::Brain kPerfect = [](const std::vector<int>& frames, const std::string& instruction) {
  return std::vector<float>{SpeedOf(frames.back()), SideOf(instruction)};
};

inline const Check* FindCheck(const Report& report, const std::string& name) {
  for (const Check& check : report.checks) {
    if (check.name == name) return &check;
  }
  return nullptr;
}

inline double Figure(const Check& check, const std::string& name) {
  for (const auto& [figure, value] : check.figures) {
    if (figure == name) return value;
  }
  return -1e9;
}

}  // namespace vlaq::verification
