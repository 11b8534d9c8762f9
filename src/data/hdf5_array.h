// A dataset of an episode file, checked before anything of it is believed: no links to elsewhere, no external or
// virtual storage, gzip as the only compression, chunks of a sane size that are all there.
//
// Calls are made under an Hdf5Guard. Errors are kInput naming the dataset; the caller adds the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "data/hdf5_file.h"

namespace vlaq::data {

// Opens an HDF5 file for reading. Plugins for unknown compressions are never loaded.
Result<Hdf5File> OpenHdf5(const std::filesystem::path& path);

class Hdf5Array {
 public:
  // `file_bytes` bounds what the dataset may claim to hold.
  static Result<Hdf5Array> Open(const Hdf5File& file, const std::string& name, uint64_t file_bytes);
  // True if the root of the file has something of this name.
  static bool Exists(const Hdf5File& file, const std::string& name);

  const std::string& name() const { return name_; }
  hid_t id() const { return dataset_.get(); }
  hid_t type() const { return type_.get(); }
  const std::vector<hsize_t>& dims() const { return dims_; }
  const std::vector<hsize_t>& chunk() const { return chunk_; }  // as many as dims(); empty if not in chunks
  uint64_t chunk_bytes() const { return chunk_bytes_; }
  uint64_t count() const { return count_; }  // elements

  // "[18, 720, 1280, 3]"
  std::string Shape() const;
  Error Wrong(std::string what, std::string advice = "") const;

  // Takes the guard itself, and only to read: several threads may unpack chunks of different files at a time.
  // Unpacks the chunk that begins at `start` (a multiple of chunk()) into `out`, chunk_bytes() long; shuffled bytes are
  // left so.
  Status ReadChunk(const std::vector<hsize_t>& start, std::vector<std::byte>& out);
  // All elements as they lie in the file, row by row. The library's own reading is not trusted with chunks: a layout
  // whose elements are smaller than the type makes it read behind its buffer (1.10). Takes the guard itself.
  Result<std::vector<std::byte>> ReadAll();

 private:
  Hdf5Array(std::string name, Hdf5Dataset dataset) : name_(std::move(name)), dataset_(std::move(dataset)) {}
  Status TakeShape();
  Status TakeStorage(uint64_t file_bytes);
  Status TakeChunks(const Hdf5Properties& layout);
  Status TakeFilters(const Hdf5Properties& layout);
  Error WrongChunk(const std::vector<hsize_t>& start, std::string_view what) const;
  // Brings the bytes as stored into packed_. Returns the filters that were skipped, a bit each.
  Result<uint32_t> LoadChunk(const std::vector<hsize_t>& start);
  Result<uint32_t> ReadStoredChunk(const std::vector<hsize_t>& start, std::vector<std::byte>& out);
  Status ForEachChunk(const std::function<Status(const std::vector<hsize_t>&)>& work) const;
  void Place(const std::vector<std::byte>& chunk, const std::vector<hsize_t>& start, std::vector<std::byte>& all) const;

  std::string name_;
  Hdf5Dataset dataset_;
  Hdf5Type type_;
  std::vector<hsize_t> dims_;
  std::vector<hsize_t> chunk_;
  uint64_t element_bytes_ = 0;
  uint64_t count_ = 0;
  uint64_t chunk_bytes_ = 0;
  int gzip_filter_ = -1, shuffle_filter_ = -1;  // places in the pipeline
  std::vector<std::byte> packed_;
};

}  // namespace vlaq::data
