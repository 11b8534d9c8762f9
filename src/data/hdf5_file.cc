#include "data/hdf5_file.h"

#include <fmt/format.h>

#include "data/libraries.h"

namespace vlaq::data {
namespace {

std::recursive_mutex& Mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

// The library's own clean-up at exit crashes when a file could not be closed (disk full), and ours leaves it nothing to
// do. Must come before any other call.
bool StartLibrary() { return H5dont_atexit() >= 0 && H5open() >= 0; }

// Called by the library for each entry of its error stack, the innermost last.
herr_t TakeReason(unsigned /*depth*/, const H5E_error2_t* entry, void* reason) {
  if (entry->desc != nullptr) *static_cast<std::string*>(reason) = entry->desc;
  return 0;
}

// Keeps of "file write failed: time = ..., error message = 'No space left on device', buf = 0x..." only what does not
// change from run to run.
std::string Shortened(std::string reason) {
  constexpr std::string_view kMark = "error message = '";
  const size_t begin = reason.find(kMark);
  if (begin == std::string::npos) return reason;
  const size_t end = reason.find('\'', begin + kMark.size());
  return end == std::string::npos ? reason : reason.substr(begin + kMark.size(), end - begin - kMark.size());
}

}  // namespace

Hdf5Guard::Hdf5Guard() : lock_(Mutex()) {
  static const bool started = StartLibrary();
  static_cast<void>(started);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

std::string Hdf5Reason() {
  const Hdf5Guard guard;
  std::string reason;
  const Hdf5Handle<H5Eclose_stack> stack(H5Eget_current_stack());  // takes the entries away
  if (stack.ok()) H5Ewalk2(stack.get(), H5E_WALK_DOWNWARD, TakeReason, &reason);
  return Shortened(std::move(reason));
}

Error Hdf5Error(std::string where, std::string_view doing, std::string advice) {
  const std::string reason = Hdf5Reason();
  if (advice.empty() && reason.find("version number") != std::string::npos) {
    advice =
        "written in a newer format than HDF5 1.10 reads: write it with libver='v110' (h5py), or rewrite it with "
        "h5repack --high=2 of a newer HDF5";
  }
  return InputError(std::move(where),
                    fmt::format("cannot {}{}", doing, reason.empty() ? "" : fmt::format(" (HDF5: {})", reason)),
                    std::move(advice));
}

std::vector<LibraryVersion> Libraries() {
  const Hdf5Guard guard;
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return {{"HDF5", fmt::format("{}.{}.{}", major, minor, release), "recorded episodes"}};
}

}  // namespace vlaq::data
