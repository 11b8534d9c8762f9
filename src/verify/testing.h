// Recorded episodes and fake policies for the tests of stages 3 to 5.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/episode_set.h"
#include "evaluate/testing.h"
#include "verify/report.h"

namespace vlaq::verify {

inline const evaluate::ActionSpace kTestSpace = evaluate::BaseSpace(0.5);

// What a perfect driver answers to a frame of this gray, and to an instruction.
inline float SpeedOf(int gray) { return static_cast<float>(gray) / 255; }
inline float SideOf(const std::string& instruction) {
  if (instruction.find("left") != std::string::npos) return 0.25F;
  return instruction.find("right") != std::string::npos ? -0.25F : 0.0F;
}

// Six frames of gray: frame t is `first` + 20 t; the perfect driver was recorded.
inline bool WriteGrayEpisode(const std::filesystem::path& path, const std::string& instruction, int first) {
  const auto scale = static_cast<float>(kTestSpace.ScaleOf(0));
  std::vector<evaluate::GrayStep> steps;
  for (int t = 0; t < 6; ++t) {
    const int gray = first + 20 * t;
    steps.push_back({gray, {scale * SpeedOf(gray), scale * SideOf(instruction), 0}});
  }
  return evaluate::WriteGrayEpisode(path, instruction, steps);
}

// The perfect driver, who looks and listens.
inline const evaluate::Brain kPerfect = [](const std::vector<int>& frames, const std::string& instruction) {
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

}  // namespace vlaq::verify
