// A recorded episode: what the camera saw and what was driven, step by step, with the instruction.
//
// In scope: the HDF5 files of the Mobile VLA recorder (spec/robot.md 4.1) of any length and resolution, with their
// known quirks as explicit settings. Not aware of: resizing and normalising (image), what the actions mean to a policy
// (policy), splits (split.h), sets of files (episode_set.h).
//
// A hostile file ends in an error that names file and dataset. Frames are read one at a time: memory does not grow with
// the length of an episode. One thread uses an Episode at a time, any number of them different ones: HDF5 is guarded
// inside, and frames are unpacked outside of that guard.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "episode/writer.h"
#include "image/frames.h"
#include "image/preprocess.h"
#include "tensor/tensor.h"

namespace vlaq::episode {

// Where the instruction of an episode came from.
enum class InstructionSource { kFile, kFileName, kSetting, kNone };

// Settings for the recorder's quirks. Lengths other than its usual 18 steps and commands as float64 need none.
struct ReadOptions {
  // What the bytes really are. The recorder of the first policy stored blue first under an RGB label.
  image::ChannelOrder channel_order = image::ChannelOrder::kRgb;
  // An episode without an instruction takes this one; if empty, one made from "left" or "right" in its file name.
  std::string default_instruction;
};

class Episode {
 public:
  // Checks ranks, dtypes and equal lengths before anything else is read. Errors: kInput naming file and dataset.
  static Result<std::unique_ptr<Episode>> Open(const std::filesystem::path& path, const ReadOptions& options = {});
  virtual ~Episode() = default;

  virtual const std::filesystem::path& path() const = 0;
  virtual int64_t length() const = 0;  // T, steps, at least 1
  virtual int width() const = 0;       // pixels
  virtual int height() const = 0;
  virtual const std::string& instruction() const = 0;  // empty if there is none
  virtual InstructionSource instruction_source() const = 0;
  // Attributes of the file as text, by name: strings and single numbers; of anything else only what it is.
  virtual const std::vector<std::pair<std::string, std::string>>& attributes() const = 0;
  virtual const std::vector<Command>& commands() const = 0;  // T of them
  // Values of a stored command: 3, or 2 (linear_x and linear_y; angular_z is then 0).
  virtual int action_width() const = 0;
  virtual const std::vector<std::string>& events() const = 0;  // T of them, or none

  // Frame `t` (0 <= t < length()) as RGB. Errors: kInput (a damaged chunk).
  virtual Result<image::Image> ReadFrame(int64_t t) const = 0;
  // SHA-256 over sizes, pixels as stored, commands and the instruction in the file: the same for a file that was
  // renamed or compressed again, and whatever the options are. Reads the whole episode.
  virtual Result<std::string> ContentHash() const = 0;
};

}  // namespace vlaq::episode
