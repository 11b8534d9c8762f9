// Whose layout a recording has, told by names. In scope: which names give a layout away, and what to say of those that
// are not read: they are not broken, only not ours. Not aware of: how to read any.
#pragma once

#include <string_view>

#include "base/status.h"
#include "data/hdf5_file.h"

namespace vlaq::data {

enum class Layout {
  kRecorder,  // "images" and "actions": recorder.h
  kFeatures,  // "observations" or "observation.*", and "action": feature_layout.h
};

// What to do with any other.
inline constexpr std::string_view kLayoutAdvice =
    "vlaq reads ALOHA's layout, a dataset a feature, and the Mobile VLA recorder's: src/data/README.md says what to "
    "write";

// Errors: kInput for a file of another layout, saying whose it is or what it lacks. Under an Hdf5Guard.
Result<Layout> RecognizeLayout(const Hdf5File& file);

}  // namespace vlaq::data
