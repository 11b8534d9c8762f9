// A training checkpoint as named tensors. Reads PyTorch's zip container (.pth, .pt), .safetensors and sharded
// model.safetensors.index.json. Files are hostile bytes: nothing in them is executed, every size is checked against the
// file before it is used, no tensor takes more memory than the whole file, and what describes the tensors stays in
// proportion to the bytes that describe them. Opening reads headers and the pickle only, never the weights.
//
// In scope: which tensors there are and where their bytes lie. Not aware of: what the names mean (architecture).
// A Checkpoint is immutable once open; any thread may read it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq::checkpoint {

enum class Format { kPytorchZip, kSafetensors, kShardedSafetensors };
std::string_view FormatName(Format format);  // "pth", "safetensors", "safetensors-sharded"

// Where a run of bytes lies that one or more tensors are views of. Safetensors have one storage per tensor.
struct Storage {
  std::string key;           // record name inside the container (the tensor's name in safetensors), for messages
  size_t file = 0;           // index into Checkpoint::files()
  uint64_t file_offset = 0;  // bytes
  uint64_t bytes = 0;
};

struct Entry {
  std::string name;  // exactly as in the state dict, prefixes included
  DType dtype = DType::kF32;
  Shape shape;
  Shape strides;       // in elements
  size_t storage = 0;  // index into Checkpoint::storages()
  int64_t offset = 0;  // elements from the start of the storage
  bool contiguous = true;

  // Packed size. Cannot overflow: checked when the file was opened.
  uint64_t bytes() const { return *ByteCount(dtype, shape); }
  int64_t size() const { return *ElementCount(shape); }
};

// Something else that the file holds beside the tensors of the model, described in one line of text.
struct Extra {
  std::string name;  // "epoch", "args", "optimizer_state_dict"
  std::string text;  // "7", "Namespace(lr=0.0001, ...)", "dict: 24 tensors, 315,901,968 bytes (not read)"
};

struct OpenOptions {
  // Compares the CRC-32 of every record that is read (slow for large files). .pth only.
  bool check_crc = false;
  // The key of the state dict to take, where a .pth holds several ("ema_state_dict"); empty: the well-known one.
  std::string state_dict = {};
};

class Checkpoint {
 public:
  // `path`: a file, or a folder that holds one (folder.h). Errors: kInput naming the file, the offset or tensor, and
  // what is wrong; also for formats that are recognized but refused (legacy PyTorch stream, TorchScript), and for
  // whatever else it is, with advice; kUsage for a state dict that is not there.
  static Result<std::shared_ptr<const Checkpoint>> Open(const std::filesystem::path& path,
                                                        const OpenOptions& options = {});

  Format format() const { return format_; }
  const std::filesystem::path& path() const { return path_; }
  // The key of the state dict inside a .pth ("model_state_dict", "state_dict"), empty when the tensors are at the top.
  const std::string& container() const { return container_; }
  // Keys of further state dicts with the same names, which were not taken: an average of the weights, for instance.
  const std::vector<std::string>& other_state_dicts() const { return other_state_dicts_; }
  // What the file says of itself beside tensors, as text of one JSON object: {"args": {"window": 8}, "val_mae": 0.06}.
  // Not what it means, and nothing that could not be read.
  const std::string& settings() const { return settings_; }
  // In the order of the file.
  const std::vector<Entry>& entries() const { return entries_; }
  const std::vector<Storage>& storages() const { return storages_; }
  const std::vector<Extra>& extras() const { return extras_; }
  // Every file that belongs to the checkpoint, in a fixed order: the file itself, or the index and its shards.
  const std::vector<std::shared_ptr<const MappedFile>>& files() const { return files_; }

  const Entry* Find(std::string_view name) const;

  // The bytes of a tensor in packed order. Contiguous ones are views of the mapped file (not necessarily aligned);
  // others are copied. `entry` must come from this checkpoint.
  Tensor Read(const Entry& entry) const;
  // The mapped bytes a contiguous entry occupies, e.g. for MappedFile::Release. Empty for strided entries.
  Bytes Raw(const Entry& entry) const;
  const MappedFile& FileOf(const Entry& entry) const { return *files_[storages_[entry.storage].file]; }

 private:
  friend struct CheckpointBuilder;  // the readers fill the fields
  Checkpoint() = default;

  std::filesystem::path path_;
  Format format_ = Format::kPytorchZip;
  std::string container_;
  std::vector<Entry> entries_;
  std::vector<Storage> storages_;
  std::vector<Extra> extras_;
  std::vector<std::string> other_state_dicts_;
  std::string settings_ = "{}";
  std::vector<std::shared_ptr<const MappedFile>> files_;
  std::vector<std::pair<std::string_view, size_t>> by_name_;  // sorted; views into entries_
};

}  // namespace vlaq::checkpoint
