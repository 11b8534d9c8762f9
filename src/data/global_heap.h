// Text of variable length in an HDF5 file: a dataset or attribute holds only references, the bytes lie in "global heap
// collections". Read here with every number checked, because HDF5 1.10 crashes or hangs on damaged collections (of
// 6,000 damaged files 27 did so, all in this place).
//
// Not aware of the HDF5 library. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/mapped_file.h"
#include "base/status.h"

namespace vlaq::data {

class GlobalHeap {
 public:
  // A reference as it lies in the file, little-endian: length u32, address u64, index u32.
  static constexpr size_t kReferenceBytes = 16;
  static constexpr size_t kMaxText = size_t{64} << 10U;  // bytes of one text

  // `base` is added to every address.
  GlobalHeap(std::shared_ptr<const MappedFile> file, uint64_t base) : file_(std::move(file)), base_(base) {}

  // The text a reference means; bytes behind a NUL are left away. Errors: kInput saying what does not fit.
  Result<std::string> Text(Bytes reference);

 private:
  using Collection = std::map<uint32_t, Bytes>;  // by index
  Result<const Collection*> Find(uint64_t address);
  Result<Collection> Read(uint64_t address);

  std::shared_ptr<const MappedFile> file_;
  uint64_t base_;
  std::map<uint64_t, Collection> collections_;  // by address
  uint64_t read_bytes_ = 0;
};

}  // namespace vlaq::data
