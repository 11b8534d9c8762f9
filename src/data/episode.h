// A recorded episode: what was observed and what was done, step by step, as streams by feature name, with the task.
//
// In scope: when the steps were (timing.h); HDF5 files of any length and resolution in three layouts (README.md): the
// Mobile VLA recorder's (recorder.h), ACT's and ALOHA's, and one dataset a feature (feature_layout.h); quirks as
// explicit settings. Not aware of: resizing and normalizing (image), what the actions mean to a policy (policy), splits
// (split.h), sets of files (episode_set.h).
//
// A hostile file ends in an error that names file and dataset. Frames are read one at a time: memory does not grow with
// the length of an episode, but for streams of numbers. One thread uses an Episode at a time, any number of them
// different ones: HDF5 is guarded inside, and frames are unpacked outside of that guard.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "data/stream.h"
#include "data/timing.h"
#include "image/frames.h"
#include "image/preprocess.h"
#include "tensor/tensor.h"

namespace vlaq::data {

// Where the task of an episode came from.
enum class InstructionSource { kFile, kFileName, kSetting, kNone };

// Settings for the recorders' quirks. Lengths other than the usual ones and numbers as float64 need none.
struct ReadOptions {
  // What the bytes of pictures really are. The recorder of the first policy stored blue first under an RGB label.
  image::ChannelOrder channel_order = image::ChannelOrder::kRgb;
  // An episode without a task takes this one; if empty, one that its reader makes of the file's name (recorder.h).
  std::string default_instruction;
};

class Episode {
 public:
  // Checks ranks, dtypes and equal lengths before anything else is read. Errors: kInput naming file and dataset.
  static Result<std::unique_ptr<Episode>> Open(const std::filesystem::path& path, const ReadOptions& options = {});
  virtual ~Episode() = default;

  virtual const std::filesystem::path& path() const = 0;
  virtual int64_t length() const = 0;  // T, steps, at least 1
  // At least one observation, and "action"; pictures first, then other observations, the action last.
  virtual const std::vector<Stream>& streams() const = 0;
  virtual const std::string& task() const = 0;  // empty if there is none
  virtual InstructionSource task_source() const = 0;
  // Attributes of the file as text, by name: strings and single numbers; of anything else only what it is.
  virtual const std::vector<std::pair<std::string, std::string>>& attributes() const = 0;
  virtual const std::vector<std::string>& events() const = 0;  // T of them, or none
  // When the steps were. Time stamps that are not sound are told there, with file and dataset, and are no error.
  virtual const Timing& timing() const = 0;

  // Step `t` (0 <= t < length()) of a stream: as Observation says. Errors: kInput (a damaged chunk); kUsage for a
  // stream that is not there.
  virtual Result<Tensor> Read(std::string_view stream, int64_t t) const = 0;
  // The stream of numbers `stream` ("action") as a whole: float32 [T, ...]. Errors: kUsage for any other.
  virtual Result<Tensor> ReadAll(std::string_view stream) const = 0;
  // SHA-256 over sizes, pixels as stored, numbers and the task in the file: the same for a file that was renamed or
  // compressed again, whatever the options and the time stamps are. Reads the whole episode.
  virtual Result<std::string> ContentHash() const = 0;

  const Stream* FindStream(std::string_view name) const;
  const Stream& action() const { return streams().back(); }
  // All streams "observation.*" at step `t`.
  Result<Observation> ReadObservation(int64_t t) const;
  // Those of `match` (MatchFeatures) under the names that are wanted.
  Result<Observation> ReadObservation(const std::map<std::string, std::string>& match, int64_t t) const;
  // The picture of step `t` of its first camera, RGB. Errors: as Read().
  Result<image::Image> ReadFrame(int64_t t) const;
};

}  // namespace vlaq::data
