// An episode of an open HDF5 file, whatever its layout: what the readers of layouts fill, and the parts they share.
// Calls are made under an Hdf5Guard; errors are kInput naming the dataset, the caller adds the file.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/episode.h"
#include "data/global_heap.h"
#include "data/hdf5_array.h"
#include "data/hdf5_images.h"
#include "data/timing.h"

namespace vlaq::data {

struct Hdf5Content {
  std::filesystem::path path;
  ReadOptions options;
  int64_t length = 0;
  std::vector<Stream> streams;       // pictures first, "action" last
  std::vector<Hdf5Images> pictures;  // of the first streams
  std::vector<Tensor> numbers;       // of the others, float32 [length, ...]
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<std::string> events;
  std::optional<StatedRate> stated_rate;
  Timing timing;
  std::string stored_task;  // in the file
  std::string task;
  InstructionSource task_source = InstructionSource::kNone;
  std::string hash_header;  // what the content hash begins with: the sizes
};

// What a reader is given.
struct Hdf5Source {
  const Hdf5File& file;
  uint64_t file_bytes;
  GlobalHeap& heap;
};

// They fill all but path, options, attributes, the timing and the rates by it, and the task's own, which ReadTask()
// does.
Status ReadRecorderLayout(const Hdf5Source& source, Hdf5Content& content);
Status ReadFeatureLayout(const Hdf5Source& source, Hdf5Content& content);

// Whether there are `length` rows. Errors: kInput.
Status CheckLength(const Hdf5Array& array, int64_t length);

// All numbers of a dataset converted to `type`, H5T_NATIVE_FLOAT or the like. Errors: kInput.
Result<std::vector<std::byte>> ReadAs(Hdf5Array& array, hid_t type);

// A dataset [T, ...] as float32, all of it finite. `integers`: whether it may hold integers. Errors: kInput.
Result<Tensor> ReadNumbers(Hdf5Array array, bool integers);

}  // namespace vlaq::data
