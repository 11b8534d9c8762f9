#include "data/hdf5_array.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/file_kind.h"
#include "base/mapped_file.h"
#include "data/inflate.h"

namespace vlaq::data {
namespace {

constexpr size_t kMaxDimensions = 8;
constexpr uint64_t kMaxChunkBytes = uint64_t{256} << 20U;
// What h5repack can unpack itself. Of all others it would write the file without the dataset, and end with success.
constexpr std::string_view kRepack = "rewrite the file with h5repack -f GZIP=4";
constexpr std::string_view kRewrite =
    "rewrite it in Python: h5py (and hdf5plugin for blosc, zstd, lz4, bitshuffle), create_dataset(..., "
    "compression=\"gzip\"); h5repack would lose it";

std::string_view FixFor(H5Z_filter_t filter) {
  constexpr std::array kOwn{H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32,
                            H5Z_FILTER_SZIP,    H5Z_FILTER_NBIT,    H5Z_FILTER_SCALEOFFSET};
  return std::find(kOwn.begin(), kOwn.end(), filter) != kOwn.end() ? kRepack : kRewrite;
}

// What a chunk of `raw` bytes may take on disk: a stream that does not shrink is a little longer than its content.
uint64_t MostPacked(uint64_t raw) { return raw + raw / 8 + 4096; }

// Bytes of one element. Text of variable length is stored elsewhere: here lie its length, an address and a number.
uint64_t BytesInFile(hid_t object, hid_t type) {
  if (H5Tis_variable_str(type) <= 0) return H5Tget_size(type);
  const Hdf5File file(H5Iget_file_id(object));
  const Hdf5Properties creation(H5Fget_create_plist(file.get()));
  size_t address_bytes = 0;
  size_t size_bytes = 0;
  H5Pget_sizes(creation.get(), &address_bytes, &size_bytes);
  return 4 + address_bytes + 4;
}

// Whether a chunk went through a filter; `filter`: its place in the pipeline, -1: there is none.
bool Applies(int filter, uint32_t skipped) {
  return filter >= 0 && (skipped >> static_cast<unsigned>(filter) & 1U) == 0;
}

// HDF5's shuffle: all first bytes of the elements, then all second ones ...
void Unshuffle(const std::vector<std::byte>& in, uint64_t element_bytes, std::vector<std::byte>& out) {
  out.resize(in.size());
  const uint64_t elements = in.size() / element_bytes;
  for (uint64_t i = 0; i < elements; ++i) {
    for (uint64_t j = 0; j < element_bytes; ++j) out[i * element_bytes + j] = in[j * elements + i];
  }
}

}  // namespace

Result<Hdf5File> OpenHdf5(const std::filesystem::path& path) {
  VLAQ_RETURN_IF_ERROR(CheckIsFile(path));
  H5PLset_loading_state(0);
  const Hdf5Properties access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_file_locking(access.get(), 0, 1);  // we read only, and some network file systems have no locks
  Hdf5File file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
  if (!file.ok()) {
    Error error = Hdf5Error(path.string(), "open it as HDF5");
    const auto kind = RecognizeFile(path);
    if (!kind || kind->name == kHdf5Kind) return error;
    return InputError(path.string(), fmt::format("is {}{}", kind->name, kind->stands_for_other ? "" : ", not HDF5"),
                      kind->remedy);
  }
  return file;
}

bool Hdf5Array::Exists(const Hdf5File& file, const std::string& name) {
  const bool found = H5Lexists(file.get(), name.c_str(), H5P_DEFAULT) > 0;
  if (!found) H5Eclear2(H5E_DEFAULT);
  return found;
}

Result<Hdf5Array> Hdf5Array::Open(const Hdf5File& file, const std::string& name, uint64_t file_bytes) {
  const std::string where = fmt::format("dataset '{}'", name);
  H5L_info_t link{};
  if (!Exists(file, name)) return InputError(where, "is missing");
  if (H5Lget_info(file.get(), name.c_str(), &link, H5P_DEFAULT) < 0) return Hdf5Error(where, "find it");
  if (link.type != H5L_TYPE_HARD) return InputError(where, "is a link to somewhere else, which is not followed");
  Hdf5Array array(name, Hdf5Dataset(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT)));
  if (!array.dataset_.ok()) return Hdf5Error(where, "open it as a dataset");
  VLAQ_RETURN_IF_ERROR(array.TakeShape());
  VLAQ_RETURN_IF_ERROR(array.TakeStorage(file_bytes));
  return array;
}

std::string Hdf5Array::Shape() const { return fmt::format("[{}]", fmt::join(dims_, ", ")); }

Error Hdf5Array::Wrong(std::string what, std::string advice) const {
  return InputError(fmt::format("dataset '{}'", name_), std::move(what), std::move(advice));
}

Status Hdf5Array::TakeShape() {
  type_ = Hdf5Type(H5Dget_type(id()));
  const Hdf5Space space(H5Dget_space(id()));
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (!type_.ok() || rank < 0) return Hdf5Error(fmt::format("dataset '{}'", name_), "read its type and shape");
  if (static_cast<size_t>(rank) > kMaxDimensions) return Wrong(fmt::format("has {} dimensions", rank));
  dims_.resize(static_cast<size_t>(rank));
  if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) return Wrong("is empty");
  H5Sget_simple_extent_dims(space.get(), dims_.data(), nullptr);
  element_bytes_ = BytesInFile(id(), type_.get());
  count_ = 1;
  for (const hsize_t dim : dims_) {
    const auto product = CheckedMul<uint64_t>(count_, dim);
    if (!product) return Wrong(fmt::format("has the shape {}, which no file can hold", Shape()));
    count_ = *product;
  }
  return {};
}

Status Hdf5Array::TakeStorage(uint64_t file_bytes) {
  const Hdf5Properties layout(H5Dget_create_plist(id()));
  if (!layout.ok()) return Hdf5Error(fmt::format("dataset '{}'", name_), "read its layout");
  const auto bytes = CheckedMul<uint64_t>(count_, element_bytes_);
  if (!bytes || *bytes / kMaxDeflateGain > file_bytes) {
    return Wrong(fmt::format("has the shape {}, which a file of {} bytes cannot hold", Shape(), file_bytes));
  }
  if (H5Pget_external_count(layout.get()) != 0) return Wrong("keeps its values in other files, which are not read");
  const H5D_layout_t kind = H5Pget_layout(layout.get());
  if (kind == H5D_CHUNKED) return TakeChunks(layout);
  if (kind != H5D_CONTIGUOUS && kind != H5D_COMPACT) return Wrong("is virtual, a view of other files, and is not read");
  if (H5Dget_storage_size(id()) != *bytes) return Wrong("was never written, or not to its end");
  return {};
}

Status Hdf5Array::TakeChunks(const Hdf5Properties& layout) {
  chunk_.resize(dims_.size());
  const int rank = H5Pget_chunk(layout.get(), static_cast<int>(chunk_.size()), chunk_.data());
  unsigned options = 0;
  H5Pget_chunk_opts(layout.get(), &options);
  if (rank != static_cast<int>(dims_.size()) || options != 0) return Wrong("has an unknown layout of its chunks");
  chunk_bytes_ = element_bytes_;
  for (const hsize_t side : chunk_) {
    const auto product = CheckedMul<uint64_t>(chunk_bytes_, side);
    if (!product || *product == 0 || *product > kMaxChunkBytes) {
      return Wrong(fmt::format("has chunks of [{}], which is out of bounds", fmt::join(chunk_, ", ")), "");
    }
    chunk_bytes_ = *product;
  }
  return TakeFilters(layout);
}

Status Hdf5Array::TakeFilters(const Hdf5Properties& layout) {
  const int filters = H5Pget_nfilters(layout.get());
  if (filters < 0) return Hdf5Error(fmt::format("dataset '{}'", name_), "read its filters");
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0;
    size_t values = 0;
    unsigned config = 0;
    std::array<char, 64> text{};
    const H5Z_filter_t filter = H5Pget_filter2(layout.get(), static_cast<unsigned>(i), &flags, &values, nullptr,
                                               text.size() - 1, text.data(), &config);
    if (filter == H5Z_FILTER_DEFLATE && gzip_filter_ < 0) {
      gzip_filter_ = i;
    } else if (filter == H5Z_FILTER_SHUFFLE && gzip_filter_ < 0 && shuffle_filter_ < 0) {
      shuffle_filter_ = i;
    } else {
      return Wrong(fmt::format("is packed with filter {} ({}); only gzip, with or without shuffle, is read", filter,
                               text.data()),
                   std::string(FixFor(filter)));
    }
  }
  return {};
}

Error Hdf5Array::WrongChunk(const std::vector<hsize_t>& start, std::string_view what) const {
  return Wrong(fmt::format("chunk [{}] {}", fmt::join(start, ", "), what));
}

Result<uint32_t> Hdf5Array::LoadChunk(const std::vector<hsize_t>& start) {
  const Hdf5Guard guard;
  hsize_t stored = 0;
  if (H5Dget_chunk_storage_size(id(), start.data(), &stored) < 0 || stored == 0) {
    return WrongChunk(start, fmt::format("cannot be found (HDF5: {})", Hdf5Reason()));
  }
  if (stored > MostPacked(chunk_bytes_) || chunk_bytes_ / kMaxDeflateGain > stored) {
    return WrongChunk(start, fmt::format("is {} bytes long, which cannot be {} bytes packed", stored, chunk_bytes_));
  }
  packed_.resize(stored);
  uint32_t skipped = 0;
  if (H5Dread_chunk(id(), H5P_DEFAULT, start.data(), &skipped, packed_.data()) < 0) {
    return WrongChunk(start, fmt::format("cannot be read (HDF5: {})", Hdf5Reason()));
  }
  return skipped;
}

Status Hdf5Array::ReadChunk(const std::vector<hsize_t>& start, std::vector<std::byte>& out) {
  VLAQ_RETURN_IF_ERROR(ReadStoredChunk(start, out));
  return {};
}

// Returns which filters the chunk goes without.
Result<uint32_t> Hdf5Array::ReadStoredChunk(const std::vector<hsize_t>& start, std::vector<std::byte>& out) {
  VLAQ_ASSIGN_OR_RETURN(const uint32_t skipped, LoadChunk(start));
  if (!Applies(gzip_filter_, skipped)) {
    if (packed_.size() != chunk_bytes_) {
      return WrongChunk(start, fmt::format("holds {} bytes, not {}", packed_.size(), chunk_bytes_));
    }
    out.swap(packed_);
    return skipped;
  }
  out.resize(chunk_bytes_);
  if (InflateExactly(packed_, out)) return skipped;
  return WrongChunk(start, fmt::format("does not unpack to {} bytes: it is damaged", out.size()));
}

Result<std::vector<std::byte>> Hdf5Array::ReadAll() {
  std::vector<std::byte> all(count_ * element_bytes_);
  if (count_ == 0) return all;
  if (chunk_.empty()) {
    const Hdf5Guard guard;
    if (H5Dread(id(), type(), H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()) >= 0) return all;
    return Hdf5Error(fmt::format("dataset '{}'", name_), "read it");
  }
  std::vector<std::byte> chunk, ordered;
  VLAQ_RETURN_IF_ERROR(ForEachChunk([&](const std::vector<hsize_t>& start) -> Status {
    VLAQ_ASSIGN_OR_RETURN(const uint32_t skipped, ReadStoredChunk(start, chunk));
    if (Applies(shuffle_filter_, skipped)) {
      Unshuffle(chunk, element_bytes_, ordered);
      chunk.swap(ordered);
    }
    Place(chunk, start, all);
    return {};
  }));
  return all;
}

// Copies what of a chunk lies within the dataset to where it lies.
void Hdf5Array::Place(const std::vector<std::byte>& chunk, const std::vector<hsize_t>& start,
                      std::vector<std::byte>& all) const {
  const size_t last = dims_.size() - 1;
  const hsize_t run = std::min(chunk_[last], dims_[last] - start[last]);
  std::vector<hsize_t> at(dims_.size(), 0);  // within the chunk; its last axis is copied as a whole
  while (true) {
    uint64_t from = 0, to = 0;
    for (size_t axis = 0; axis <= last; ++axis) {
      from = from * chunk_[axis] + at[axis];
      to = to * dims_[axis] + start[axis] + at[axis];
    }
    std::copy_n(chunk.begin() + static_cast<std::ptrdiff_t>(from * element_bytes_), run * element_bytes_,
                all.begin() + static_cast<std::ptrdiff_t>(to * element_bytes_));
    size_t axis = last;
    while (axis > 0) {
      --axis;
      if (++at[axis] < chunk_[axis] && start[axis] + at[axis] < dims_[axis]) break;
      at[axis] = 0;
      if (axis == 0) return;
    }
    if (last == 0) return;
  }
}

Status Hdf5Array::ForEachChunk(const std::function<Status(const std::vector<hsize_t>&)>& work) const {
  std::vector<hsize_t> start(dims_.size(), 0);
  while (true) {
    VLAQ_RETURN_IF_ERROR(work(start));
    size_t axis = 0;  // the next chunk, the first dimension fastest
    for (; axis < start.size(); ++axis) {
      start[axis] += chunk_[axis];
      if (start[axis] < dims_[axis]) break;
      start[axis] = 0;
    }
    if (axis == start.size()) return {};
  }
}

}  // namespace vlaq::data
