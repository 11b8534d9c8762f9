// Builders of small checkpoint files for tests, right ones and every kind of wrong one. Tests, fuzz seeds and the
// corruption test only; the product's own writer is synthesis/pth_writer.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace vlaq::checkpoint::testing {

// Little-endian bytes of a value.
template <typename T>
std::string Little(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

// One record. The fields after `data` lie about it when they are set.
struct ZipEntry {
  std::string name;
  std::string data;
  uint16_t method = 0;
  uint16_t flags = 0x0808;         // UTF-8 names, sizes follow the data: as PyTorch
  std::string local_extra = "";    // bytes between local name and data
  bool zip64 = false;              // sizes and offset stand in the zip64 field of the directory entry
  std::string central_extra = "";  // instead of the zip64 field, if not empty
  std::string local_name = "";     // "": as name
  int64_t size = -1;               // -1: true
  int64_t packed_size = -1;
  int64_t offset = -1;
};

struct ZipOptions {
  bool zip64_end = true;
  bool saturate_end = false;  // the 32-bit end record says "see zip64"
  int64_t count = -1;         // lies of the end records; -1: true
  int64_t directory_size = -1;
  int64_t directory_offset = -1;
  std::string comment = "";
  uint16_t disk = 0;
  uint64_t base = 0;  // the bytes are to be put there in a larger file
};

std::string ZipFile(const std::vector<ZipEntry>& entries, const ZipOptions& options = {});

// Writes opcodes; every call returns *this.
class Pickle {
 public:
  explicit Pickle(uint8_t protocol = 2) { Raw("\x80").Raw(Little(protocol)); }

  Pickle& Raw(std::string_view bytes);
  Pickle& Global(std::string_view module, std::string_view name);  // 'c'
  Pickle& Text(std::string_view text);                             // 'X'
  Pickle& Integer(int64_t number);                                 // the shortest of K, M, J, LONG1
  Pickle& Float(double number);                                    // 'G'
  Pickle& Bool(bool value);
  Pickle& Integers(const std::vector<int64_t>& numbers);  // a tuple
  // ("storage", torch.<cls>, key, "cpu", elements) and BINPERSID.
  Pickle& Storage(std::string_view cls, std::string_view key, int64_t elements);
  // A _rebuild_tensor_v2 call on such a storage.
  struct TensorArgs {
    std::string cls = "FloatStorage";
    std::string key = "0";
    int64_t elements = 1;
    int64_t offset = 0;
    std::vector<int64_t> shape = {1};
    std::vector<int64_t> strides = {1};
    std::string dtype = "";     // not empty: _rebuild_tensor_v3 with torch.<dtype>, untyped storage
    std::string metadata = "";  // "conj": a lazy conjugate
  };
  Pickle& Tensor(const TensorArgs& args);
  // The whole pickle with STOP.
  std::string Stop() const { return bytes_ + "."; }
  // Opcodes alone, to be put into another pickle.
  std::string Fragment() const { return bytes_.substr(2); }

 private:
  std::string bytes_;
};

// A .pth with one or more storages: records top/data.pkl, top/byteorder, top/data/<key>, top/version.
struct StorageData {
  std::string key;
  std::string data;
};
std::string PthFile(const std::string& pickle, const std::vector<StorageData>& storages,
                    std::string_view byteorder = "little");

std::string SafetensorsFile(std::string_view header, std::string_view data);

// The bytes of values.
template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

void WriteTestFile(const std::filesystem::path& path, std::string_view content);
std::string ReadTestFile(const std::filesystem::path& path);

}  // namespace vlaq::checkpoint::testing
