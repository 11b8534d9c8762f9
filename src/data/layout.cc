#include "data/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "data/episode_set.h"
#include "data/feature_layout.h"
#include "data/hdf5_array.h"

namespace vlaq::data {
namespace fs = std::filesystem;
namespace {

// This path exists in a file of that layout.
struct LayoutMark {
  const char* path;
  std::string_view name;
};
constexpr std::array kLayoutMarks{
    LayoutMark{"data", "robomimic's layout (data/demo_N/obs)"},
    LayoutMark{"observation", "DROID's layout (observation/..., action/...)"},
    LayoutMark{"obs", "a layout with its frames under obs/"},
    LayoutMark{"traj_0", "ManiSkill's layout (traj_N)"},
    LayoutMark{"model_weights", "Keras weights, no recording"},
    LayoutMark{"steps", "a layout with its frames under steps/"},
};

}  // namespace

Result<Layout> RecognizeLayout(const Hdf5File& file) {
  if (Hdf5Array::Exists(file, "images") || Hdf5Array::Exists(file, "actions")) return Layout::kRecorder;
  VLAQ_ASSIGN_OR_RETURN(const auto features, FindFeatures(file));
  if (!features.empty()) return Layout::kFeatures;
  for (const LayoutMark& row : kLayoutMarks) {
    if (Hdf5Array::Exists(file, row.path)) {
      return InputError("", fmt::format("has {}", row.name), std::string(kLayoutAdvice));
    }
  }
  return InputError("", "has no observations: neither images nor actions, nor a dataset 'observation.*'",
                    std::string(kLayoutAdvice));
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

}  // namespace vlaq::data
