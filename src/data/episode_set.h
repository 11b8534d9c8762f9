// Recorded episodes in files and folders, opened one at a time: memory grows neither with their number nor with their
// length.
//
// In scope: which files there are, in which order, which are broken. Not aware of: splits (split.h), statistics
// (statistics.h). Immutable once made; any thread may call OpenEpisode().
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_kind.h"
#include "base/log.h"
#include "base/status.h"
#include "data/episode.h"

namespace vlaq::data {

struct SetOptions {
  ReadOptions read;
  // Leave broken files out, and list them in bad(), instead of failing.
  bool skip_bad = false;
};

struct BadEpisode {
  std::filesystem::path path;
  Error error;
};

class EpisodeSet {
 public:
  // Files, and of a folder its .h5 and .hdf5 files (either case; not those that start with a dot) in natural order,
  // without sub-folders. Opens every file once to check its structure; frames are not read. Errors: kInput naming file
  // and dataset, or that there is nothing to read; kUsage if a file is named twice.
  static Result<EpisodeSet> Open(const std::vector<std::filesystem::path>& paths, const SetOptions& options = {});

  size_t size() const { return paths_.size(); }
  const std::filesystem::path& path(size_t index) const { return paths_[index]; }
  // The file's name, for people.
  std::string name(size_t index) const { return paths_[index].filename().string(); }
  Result<std::unique_ptr<Episode>> OpenEpisode(size_t index) const {
    return Episode::Open(paths_[index], options_.read);
  }

  // Those at `indices`, in that order; bad() is then empty.
  EpisodeSet Subset(const std::vector<size_t>& indices) const;

  // Episodes that were told nothing, as far as the file and the settings say.
  size_t without_instruction() const;
  // "1 of 4 episodes has no instruction: the policy is told nothing"; empty if all have one.
  std::string InstructionComplaint() const;

  const std::vector<BadEpisode>& bad() const { return bad_; }
  const SetOptions& options() const { return options_; }

 private:
  explicit EpisodeSet(SetOptions options) : options_(std::move(options)) {}

  SetOptions options_;
  std::vector<std::filesystem::path> paths_;
  std::vector<bool> has_instruction_;  // one for each path
  std::vector<BadEpisode> bad_;
};

// True for names that end in .h5 or .hdf5.
bool IsEpisodeName(const std::filesystem::path& path);
// True if a folder holds such files.
bool HoldsEpisodes(const std::filesystem::path& folder);
// A folder of another kind of recording, which is not read: LeRobot's, RLDS, zarr, a ROS 2 bag.
std::optional<FileKind> RecognizeRecording(const std::filesystem::path& folder);

// "where: what; --skip-bad leaves such files out": the error of a set that does not skip.
Error WithSkipAdvice(Error error);

}  // namespace vlaq::data
