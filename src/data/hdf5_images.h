// The frames of an episode file, however they lie there: whole, in chunks of one frame, or in chunks that cut across
// frames (as h5py chooses them); as pixels, or each as a JPEG or PNG file (ALOHA's recorder with compress). Keeps at
// most one slab of frames, so that chunks of several frames unpack once, and the frame that was decoded last.
//
// Open() is called under an Hdf5Guard; Read() takes its own, and not while it unpacks. Errors are kInput naming the
// dataset.
#pragma once

#include <array>
#include <optional>

#include "data/hdf5_array.h"
#include "image/image.h"

namespace vlaq::data {

class Hdf5Images {
 public:
  // Checks uint8 [T, H, W, 3] with T >= 1 and an allowed size; or uint8 [T, bytes], the first of which is decoded: it
  // says how large all are.
  static Result<Hdf5Images> Open(Hdf5Array array);

  int64_t length() const { return static_cast<int64_t>(dims_[0]); }
  int height() const { return height_; }
  int width() const { return width_; }

  // The pixels of frame `t`, channels as stored; they hold until the next call.
  Result<std::span<const uint8_t>> Read(hsize_t t);

 private:
  explicit Hdf5Images(Hdf5Array array);
  bool packed() const { return array_.dims().size() == 2; }
  Status Decode(hsize_t t);
  Result<std::span<const uint8_t>> Stored(hsize_t t);
  Status FillSlab(hsize_t first, hsize_t count);
  Status FillFromWhole(hsize_t first, hsize_t count);
  Status FillFromChunks(hsize_t first, hsize_t count);
  void Scatter(const std::array<hsize_t, 4>& start);

  Hdf5Array array_;
  std::array<hsize_t, 4> dims_{1, 1, 1, 1}, chunk_{1, 1, 1, 1};  // of the array, with ones for axes that it lacks
  size_t frame_bytes_;                                           // as stored
  int height_ = 0, width_ = 0;
  hsize_t slab_length_ = 1;  // frames that are read together
  std::vector<uint8_t> slab_;
  hsize_t slab_first_ = 0;
  hsize_t slab_count_ = 0;  // 0: nothing read yet
  std::vector<std::byte> unpacked_;
  image::Image decoded_;
  std::optional<hsize_t> decoded_frame_;
};

}  // namespace vlaq::data
