// The frames of an episode file, however they lie there: whole, in chunks of one frame, or in chunks that cut across
// frames (as h5py chooses them). Keeps at most one slab of frames, so that chunks of several frames unpack once.
//
// Open() is called under an Hdf5Guard; Read() takes its own, and not while it unpacks. Errors are kInput naming the
// dataset.
#pragma once

#include "episode/hdf5_array.h"

namespace vlaq::episode {

class Hdf5Images {
 public:
  // Checks uint8 [T, H, W, 3] with T >= 1 and an allowed size.
  static Result<Hdf5Images> Open(Hdf5Array array);

  int64_t length() const { return static_cast<int64_t>(array_.dims()[0]); }
  int height() const { return static_cast<int>(array_.dims()[1]); }
  int width() const { return static_cast<int>(array_.dims()[2]); }
  size_t frame_bytes() const { return frame_bytes_; }

  // The bytes of frame `t`, channels as stored; they hold until the next call.
  Result<std::span<const uint8_t>> Read(hsize_t t);

 private:
  explicit Hdf5Images(Hdf5Array array);
  Status FillSlab(hsize_t first, hsize_t count);
  Status FillFromWhole(hsize_t first, hsize_t count);
  Status FillFromChunks(hsize_t first, hsize_t count);
  void Scatter(const std::vector<hsize_t>& start);

  Hdf5Array array_;
  size_t frame_bytes_;
  hsize_t slab_length_ = 1;  // frames that are read together
  std::vector<uint8_t> slab_;
  hsize_t slab_first_ = 0;
  hsize_t slab_count_ = 0;  // 0: nothing read yet
  std::vector<std::byte> unpacked_;
};

}  // namespace vlaq::episode
