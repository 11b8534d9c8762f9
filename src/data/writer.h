// Writes one episode as the Mobile VLA recorder does (recorder.h; of any features: feature_writer.h), row by
// row, so that memory does not grow with its length. Extra float rows (a simulator's state and labels) go into groups
// that other readers pass over.
//
// The file appears under its name at Commit(), never before. One thread at a time; any number of writers at once.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/output.h"
#include "base/status.h"
#include "image/image.h"

namespace vlaq::data {

// Action of one step, as recorder.h names its values.
using Command = std::array<float, 3>;

// What happened at a step, with the recorder's own words in the file.
enum class Event { kEpisodeStart, kStartAction, kStopAction };
std::string_view Name(Event event);

// One more dataset float32 [T, width] beside the recorder's own, e.g. "simulation/auxiliary".
struct ExtraColumn {
  std::string dataset;
  std::vector<std::string> names;  // one per value of a row; kept as the dataset's attribute "names"
};

struct WriterOptions {
  std::string name;         // attribute episode_name
  std::string instruction;  // dataset language_instruction, at most 255 bytes of UTF-8
  int width = 1280;         // pixels, of every frame
  int height = 720;
  double control_period_s = 0.4;  // attribute total_duration is T times this
  int64_t chunk = 1;              // attribute action_chunk_size
  bool timestamps = false;        // Append() takes them
  int compression = 4;            // gzip level, 0 to 9
  std::vector<ExtraColumn> extra;
  // More attributes of the file, e.g. {"obstacle_layout_type", "1box_hori_left"}.
  std::vector<std::pair<std::string, std::string>> attributes;
};

class EpisodeWriter {
 public:
  // Errors: kUsage if the file exists and `existing` is kRefuse, or an option is out of range; kInput if it cannot be
  // written.
  static Result<EpisodeWriter> Create(const std::filesystem::path& path, WriterOptions options, Existing existing);
  ~EpisodeWriter();  // without Commit(), nothing is left behind
  EpisodeWriter(EpisodeWriter&&) noexcept;
  EpisodeWriter& operator=(EpisodeWriter&&) noexcept;

  // One step. `extra` holds one row for each extra column, in their order; `seconds`, if the options say so, when it
  // was since any moment, ascending. Errors: kUsage for a frame or row of another size, or what is wrong with the time;
  // kInput with the library's reason (disk full, ...).
  Status Append(const image::ImageView& frame, const Command& command, Event event,
                std::span<const std::vector<float>> extra = {}, const std::optional<double>& seconds = {});
  // Errors: kUsage if nothing was appended.
  Status Commit();

 private:
  struct State;
  explicit EpisodeWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace vlaq::data
