// Recordings in another layout than the Mobile VLA recorder's, told by name: they are not broken, only not ours. In
// scope: which names give a layout away. Not aware of: how to read it.
#pragma once

#include <optional>
#include <string_view>

#include "base/status.h"
#include "episode/hdf5_file.h"

namespace vlaq::episode {

// What to do with any of them.
inline constexpr std::string_view kLayoutAdvice =
    "vlaq reads the Mobile VLA recorder's layout: src/episode/README.md says what to write";

// kInput for a file that has not the recorder's datasets, saying whose layout it has or what it holds instead; nullopt
// if it has one of them. Under an Hdf5Guard.
std::optional<Error> RecognizeLayout(const Hdf5File& file);

}  // namespace vlaq::episode
