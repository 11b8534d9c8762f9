#include "data/episode_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "data/layout.h"
#include "image/frames.h"

namespace vlaq::data {
namespace fs = std::filesystem;
namespace {

std::vector<fs::path> EpisodesIn(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (IsEpisodeName(entry.path()) && entry.is_regular_file(ignored)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
    return image::NaturalLess(a.filename().string(), b.filename().string());
  });
  return found;
}

Result<std::vector<fs::path>> Expand(const std::vector<fs::path>& paths) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::path& path : paths) {
    if (!fs::exists(path, error)) return InputError(path.string(), "does not exist");
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    const std::vector<fs::path> found = EpisodesIn(path);
    if (found.empty()) {
      if (const auto kind = RecognizeRecording(path)) {
        return InputError(path.string(), fmt::format("is {}, not a folder of episodes", kind->name), kind->remedy);
      }
      return InputError(path.string(), "holds no episodes", "they are files ending in .h5 or .hdf5");
    }
    files.insert(files.end(), found.begin(), found.end());
  }
  std::set<fs::path> seen;
  for (const fs::path& file : files) {
    if (seen.insert(fs::weakly_canonical(file, error)).second) continue;
    return UsageError(fmt::format("the episode {} is named twice", file.string()));
  }
  return files;
}

}  // namespace

bool IsEpisodeName(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return (ending == ".h5" || ending == ".hdf5") && !path.filename().string().starts_with('.');
}

bool HoldsEpisodes(const fs::path& folder) { return !EpisodesIn(folder).empty(); }

Error WithSkipAdvice(Error error) {
  if (error.advice.empty()) error.advice = "--skip-bad leaves broken files out";
  return error;
}

EpisodeSet EpisodeSet::Subset(const std::vector<size_t>& indices) const {
  EpisodeSet subset(options_);
  for (const size_t index : indices) {
    subset.paths_.push_back(paths_[index]);
    subset.has_instruction_.push_back(has_instruction_[index]);
  }
  return subset;
}

size_t EpisodeSet::without_instruction() const {
  return static_cast<size_t>(std::count(has_instruction_.begin(), has_instruction_.end(), false));
}

std::string EpisodeSet::InstructionComplaint() const {
  const size_t count = without_instruction();
  if (count == 0) return "";
  return fmt::format("{} of {} episodes {} no instruction: the policy is told nothing", count, size(),
                     count == 1 ? "has" : "have");
}

Result<EpisodeSet> EpisodeSet::Open(const std::vector<fs::path>& paths, const SetOptions& options) {
  if (paths.empty()) return UsageError("no episodes are named");
  VLAQ_ASSIGN_OR_RETURN(const std::vector<fs::path> files, Expand(paths));
  EpisodeSet set(options);
  for (const fs::path& file : files) {
    const auto episode = Episode::Open(file, options.read);
    if (episode.ok()) {
      set.paths_.push_back(file);
      set.has_instruction_.push_back(!(*episode)->task().empty());
    } else if (options.skip_bad) {
      set.bad_.push_back({file, episode.error()});
    } else {
      return WithSkipAdvice(episode.error());
    }
  }
  if (set.paths_.empty()) {
    Error error = set.bad_.front().error;
    error.advice = fmt::format("all {} files are broken", set.bad_.size());
    return error;
  }
  return set;
}

}  // namespace vlaq::data
