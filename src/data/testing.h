// Episodes for tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "data/writer.h"

namespace vlaq::data {

struct TestEpisode {
  int64_t length = 4;
  std::array<uint8_t, 3> color{200, 150, 100};  // of every pixel, as stored
  std::string instruction = "pass left of the box";
  std::string layout = "1box_hori_left";
  float speed = 0.5F;  // linear_x; 0 at the first step
};

// 8 x 6 pixels. True if it could be written.
inline bool WriteTestEpisode(const std::filesystem::path& path, const TestEpisode& episode) {
  WriterOptions options;
  options.name = path.stem().string();
  options.instruction = episode.instruction;
  options.width = 8;
  options.height = 6;
  options.attributes = {{"obstacle_layout_type", episode.layout}};
  auto writer = EpisodeWriter::Create(path, options, Existing::kReplace);
  if (!writer.ok()) return false;
  image::Image frame;
  frame.Reset(8, 6);
  for (size_t i = 0; i < frame.rgb.size(); ++i) frame.rgb[i] = episode.color[i % 3];
  for (int64_t t = 0; t < episode.length; ++t) {
    const Command command = t == 0 ? Command{0, 0, 0} : Command{episode.speed, -0.25F, 0};
    if (!writer->Append(frame, command, t == 0 ? Event::kEpisodeStart : Event::kStartAction).ok()) return false;
  }
  return writer->Commit().ok();
}

}  // namespace vlaq::data
