#include "episode/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "episode/episode_set.h"
#include "episode/hdf5_array.h"

namespace vlaq::episode {
namespace fs = std::filesystem;
namespace {

// All of these paths exist in a file of that layout.
struct LayoutMark {
  std::array<const char*, 2> paths;
  std::string_view name;
};
constexpr std::array kLayoutMarks{
    LayoutMark{{"data", nullptr}, "robomimic's layout (data/demo_N/obs)"},
    LayoutMark{{"observations", "action"}, "ALOHA's layout (observations/images, action)"},
    LayoutMark{{"observations", nullptr}, "ALOHA's layout (observations/...)"},
    LayoutMark{{"observation", nullptr}, "DROID's layout (observation/..., action/...)"},
    LayoutMark{{"obs", nullptr}, "a layout with its frames under obs/"},
    LayoutMark{{"traj_0", nullptr}, "ManiSkill's layout (traj_N)"},
    LayoutMark{{"model_weights", nullptr}, "Keras weights, no recording"},
    LayoutMark{{"steps", nullptr}, "a layout with its frames under steps/"},
};

}  // namespace

std::optional<Error> RecognizeLayout(const Hdf5File& file) {
  if (Hdf5Array::Exists(file, "images") || Hdf5Array::Exists(file, "actions")) return std::nullopt;
  for (const LayoutMark& row : kLayoutMarks) {
    const bool all = std::all_of(row.paths.begin(), row.paths.end(),
                                 [&](const char* path) { return path == nullptr || Hdf5Array::Exists(file, path); });
    if (all) return InputError("", fmt::format("has {}", row.name), std::string(kLayoutAdvice));
  }
  return InputError("", "has neither images nor actions", std::string(kLayoutAdvice));
}

std::optional<FileKind> RecognizeRecording(const fs::path& folder) {
  struct Row {
    std::string_view path, name;
  };
  constexpr std::array kRows{
      Row{"meta/info.json", "a LeRobot data set (Parquet and video)"},
      Row{"dataset_info.json", "an RLDS data set (TensorFlow records)"},
      Row{".zgroup", "a zarr recording"},
      Row{"zarr.json", "a zarr recording"},
      Row{".zattrs", "a zarr recording"},
      Row{"metadata.yaml", "a ROS 2 bag"},
  };
  std::error_code ignored;
  for (const Row& row : kRows) {
    if (fs::exists(folder / row.path, ignored)) {
      return FileKind{std::string(row.name), std::string(kLayoutAdvice), false, false};
    }
  }
  // Files of one kind that is no HDF5, under whatever names.
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string ending = entry.path().extension().string();
    for (const std::string_view other : {".parquet", ".tfrecord", ".mcap", ".bag", ".db3", ".zarr"}) {
      if (ending == other) {
        return FileKind{fmt::format("a folder of {} files", other), std::string(kLayoutAdvice), false, false};
      }
    }
  }
  return std::nullopt;
}

}  // namespace vlaq::episode
