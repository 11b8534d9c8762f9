#include "data/hdf5_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "image/decode.h"

namespace vlaq::data {
namespace {

constexpr size_t kMaxSlabBytes = size_t{128} << 20U;
// Chunks of a few pixels each would make every frame a long walk through the file.
constexpr hsize_t kMaxChunksPerFrame = 100'000;

hsize_t ChunksPerFrame(const Hdf5Array& array) {
  hsize_t chunks = 1;
  for (size_t i = 1; i < array.chunk().size(); ++i) {
    chunks *= (array.dims()[i] + array.chunk()[i] - 1) / array.chunk()[i];
  }
  return chunks;
}

}  // namespace

Hdf5Images::Hdf5Images(Hdf5Array array) : array_(std::move(array)) {
  std::copy(array_.dims().begin(), array_.dims().end(), dims_.begin());
  std::copy(array_.chunk().begin(), array_.chunk().end(), chunk_.begin());
  frame_bytes_ = static_cast<size_t>(dims_[1] * dims_[2] * dims_[3]);
  if (array_.chunk().empty()) return;
  const hsize_t together = std::min(chunk_[0], dims_[0]);
  if (together <= kMaxSlabBytes / frame_bytes_) slab_length_ = together;
}

Result<Hdf5Images> Hdf5Images::Open(Hdf5Array array) {
  const auto& dims = array.dims();
  const bool packed = dims.size() == 2;
  if (!packed && (dims.size() != 4 || dims[3] != 3)) {
    return array.Wrong(fmt::format(
        "has the shape {}; frames are [T, height, width, 3], or [T, bytes] of JPEG or PNG files", array.Shape()));
  }
  if (H5Tget_class(array.type()) != H5T_INTEGER || H5Tget_size(array.type()) != 1 ||
      H5Tget_sign(array.type()) != H5T_SGN_NONE) {
    return array.Wrong("does not hold uint8");
  }
  if (dims[0] == 0) return array.Wrong("holds no frames");
  if (packed && (dims[1] == 0 || dims[1] > kMaxSlabBytes)) {
    return array.Wrong(fmt::format("has {} bytes a frame, which is out of bounds", dims[1]));
  }
  constexpr hsize_t kSide = image::kMaxSide;
  if (!packed && (dims[1] > kSide || dims[2] > kSide ||
                  !image::IsAllowedSize(static_cast<int64_t>(dims[2]), static_cast<int64_t>(dims[1])))) {
    return array.Wrong(fmt::format("has frames of {} x {} pixels, which is out of bounds", dims[2], dims[1]));
  }
  if (ChunksPerFrame(array) > kMaxChunksPerFrame) return array.Wrong("is cut into chunks of a few pixels each");
  Hdf5Images images(std::move(array));
  if (packed) {
    VLAQ_RETURN_IF_ERROR(images.Decode(0));
    images.height_ = images.decoded_.height;
    images.width_ = images.decoded_.width;
  } else {
    images.height_ = static_cast<int>(images.dims_[1]);
    images.width_ = static_cast<int>(images.dims_[2]);
  }
  return images;
}

Result<std::span<const uint8_t>> Hdf5Images::Read(hsize_t t) {
  if (!packed()) return Stored(t);
  VLAQ_RETURN_IF_ERROR(Decode(t));
  if (decoded_.height == height_ && decoded_.width == width_) return std::span<const uint8_t>(decoded_.rgb);
  return array_.Wrong(fmt::format("frame {} is {} x {} pixels, and the first {} x {}", t, decoded_.width,
                                  decoded_.height, width_, height_));
}

Status Hdf5Images::Decode(hsize_t t) {
  if (decoded_frame_ == t) return {};
  decoded_frame_.reset();
  VLAQ_ASSIGN_OR_RETURN(std::span<const uint8_t> bytes, Stored(t));
  while (!bytes.empty() && bytes.back() == 0) bytes = bytes.first(bytes.size() - 1);  // rows are as long as the longest
  VLAQ_ASSIGN_OR_RETURN(
      decoded_, image::DecodeImage(std::as_bytes(bytes), fmt::format("dataset '{}': frame {}", array_.name(), t)));
  decoded_frame_ = t;
  return {};
}

// The bytes of frame `t` as they lie in the file.
Result<std::span<const uint8_t>> Hdf5Images::Stored(hsize_t t) {
  if (t >= dims_[0]) return InternalError(array_.name(), fmt::format("there is no frame {}", t));
  const bool there = t >= slab_first_ && t - slab_first_ < slab_count_;
  if (!there) {
    const hsize_t first = t - t % slab_length_;
    VLAQ_RETURN_IF_ERROR(FillSlab(first, std::min(slab_length_, dims_[0] - first)));
  }
  return std::span<const uint8_t>(slab_).subspan(static_cast<size_t>(t - slab_first_) * frame_bytes_, frame_bytes_);
}

Status Hdf5Images::FillSlab(hsize_t first, hsize_t count) {
  slab_count_ = 0;
  slab_.resize(static_cast<size_t>(count) * frame_bytes_);
  slab_first_ = first;
  VLAQ_RETURN_IF_ERROR(array_.chunk().empty() ? FillFromWhole(first, count) : FillFromChunks(first, count));
  slab_count_ = count;
  return {};
}

Status Hdf5Images::FillFromWhole(hsize_t first, hsize_t count) {
  const Hdf5Guard guard;
  const std::array<hsize_t, 4> start{first, 0, 0, 0};
  const std::array<hsize_t, 4> size{count, dims_[1], dims_[2], dims_[3]};
  const Hdf5Space in_file(H5Dget_space(array_.id()));
  const Hdf5Space in_memory(H5Screate_simple(static_cast<int>(array_.dims().size()), size.data(), nullptr));
  const bool done =
      H5Sselect_hyperslab(in_file.get(), H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr) >= 0 &&
      H5Dread(array_.id(), H5T_NATIVE_UINT8, in_memory.get(), in_file.get(), H5P_DEFAULT, slab_.data()) >= 0;
  if (done) return {};
  return Hdf5Error(fmt::format("dataset '{}'", array_.name()), fmt::format("read frame {}", first));
}

Status Hdf5Images::FillFromChunks(hsize_t first, hsize_t count) {
  const auto &chunk = chunk_, &dims = dims_;
  slab_count_ = count;  // for Scatter(); on an error nothing of it is used
  Status status;
  const hsize_t begin = first - first % chunk[0];
  for (hsize_t t = begin; t < first + count && status.ok(); t += chunk[0]) {
    for (hsize_t y = 0; y < dims[1] && status.ok(); y += chunk[1]) {
      for (hsize_t x = 0; x < dims[2] && status.ok(); x += chunk[2]) {
        for (hsize_t c = 0; c < dims[3] && status.ok(); c += chunk[3]) {
          std::vector<hsize_t> start{t, y, x, c};
          start.resize(array_.dims().size());
          status = array_.ReadChunk(start, unpacked_);
          if (status.ok()) Scatter({t, y, x, c});
        }
      }
    }
  }
  if (!status.ok()) slab_count_ = 0;
  return status;
}

// Copies what the unpacked chunk at `start` shares with the slab.
void Hdf5Images::Scatter(const std::array<hsize_t, 4>& start) {
  const auto &chunk = chunk_, &dims = dims_;
  const hsize_t t_begin = std::max(start[0], slab_first_);
  const hsize_t t_end = std::min(start[0] + chunk[0], slab_first_ + slab_count_);
  const hsize_t y_end = std::min(start[1] + chunk[1], dims[1]);
  const hsize_t x_end = std::min(start[2] + chunk[2], dims[2]);
  const hsize_t channels = std::min(chunk[3], dims[3] - start[3]);
  const auto* from_all = reinterpret_cast<const uint8_t*>(unpacked_.data());
  for (hsize_t t = t_begin; t < t_end; ++t) {
    for (hsize_t y = start[1]; y < y_end; ++y) {
      const uint8_t* from = from_all + ((t - start[0]) * chunk[1] + (y - start[1])) * chunk[2] * chunk[3];
      uint8_t* to = slab_.data() + (t - slab_first_) * frame_bytes_ + (y * dims[2] + start[2]) * dims[3] + start[3];
      if (chunk[3] == dims[3]) {
        std::memcpy(to, from, (x_end - start[2]) * dims[3]);
        continue;
      }
      for (hsize_t x = start[2]; x < x_end; ++x, from += chunk[3], to += dims[3]) std::memcpy(to, from, channels);
    }
  }
}

}  // namespace vlaq::data
