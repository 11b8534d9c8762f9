#include "checkpoint/testing.h"

#include <zlib.h>

#include <bit>
#include <fstream>
#include <sstream>

namespace vlaq::checkpoint::testing {
namespace {

uint32_t Crc(std::string_view data) {
  return static_cast<uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
}

uint64_t Or(int64_t lie, uint64_t truth) { return lie < 0 ? truth : static_cast<uint64_t>(lie); }
uint32_t Low(uint64_t value) { return static_cast<uint32_t>(value); }
uint16_t Short(uint64_t value) { return static_cast<uint16_t>(value); }

void AppendLocal(const ZipEntry& entry, std::string& file) {
  const std::string& name = entry.local_name.empty() ? entry.name : entry.local_name;
  const bool follows = (entry.flags & 0x8U) != 0;
  const uint32_t size = follows ? 0 : Low(entry.data.size());
  file += "PK\x03\x04" + Little<uint16_t>(0) + Little(entry.flags) + Little(entry.method) + Little<uint32_t>(0);
  file += Little(follows ? 0 : Crc(entry.data)) + Little(size) + Little(size);
  file += Little(Short(name.size())) + Little(Short(entry.local_extra.size())) + name + entry.local_extra + entry.data;
  if (follows) {
    file += "PK\x07\x08" + Little(Crc(entry.data)) + Little(Low(entry.data.size())) + Little(Low(entry.data.size()));
  }
}

std::string CentralEntry(const ZipEntry& entry, uint64_t true_offset) {
  const uint64_t size = Or(entry.size, entry.data.size());
  const uint64_t packed = Or(entry.packed_size, size);
  const uint64_t offset = Or(entry.offset, true_offset);
  std::string extra = entry.central_extra;
  if (entry.zip64 && extra.empty()) {
    extra = Little<uint16_t>(1) + Little<uint16_t>(24) + Little(size) + Little(packed) + Little(offset);
  }
  const auto field = [&](uint64_t value) { return Little(entry.zip64 ? 0xFFFFFFFFU : Low(value)); };
  return "PK\x01\x02" + Little<uint16_t>(0) + Little<uint16_t>(0) + Little(entry.flags) + Little(entry.method) +
         Little<uint32_t>(0) + Little(Crc(entry.data)) + field(packed) + field(size) +
         Little(Short(entry.name.size())) + Little(Short(extra.size())) + Little<uint16_t>(0) + Little<uint16_t>(0) +
         Little<uint16_t>(0) + Little<uint32_t>(0) + field(offset) + entry.name + extra;
}

}  // namespace

std::string ZipFile(const std::vector<ZipEntry>& entries, const ZipOptions& options) {
  std::string file;
  std::string directory;
  for (const ZipEntry& entry : entries) {
    directory += CentralEntry(entry, options.base + file.size());
    AppendLocal(entry, file);
  }
  const uint64_t offset = Or(options.directory_offset, options.base + file.size());
  const uint64_t size = Or(options.directory_size, directory.size());
  const uint64_t count = Or(options.count, entries.size());
  file += directory;
  const uint64_t end64 = options.base + file.size();
  if (options.zip64_end) {
    file += "PK\x06\x06" + Little<uint64_t>(44) + Little<uint16_t>(0) + Little<uint16_t>(45) + Little<uint32_t>(0) +
            Little<uint32_t>(0) + Little(count) + Little(count) + Little(size) + Little(offset);
    file += "PK\x06\x07" + Little<uint32_t>(0) + Little(end64) + Little<uint32_t>(1);
  }
  const bool wide = options.saturate_end;
  const uint16_t short_count = wide ? uint16_t{0xFFFF} : Short(count);
  file += "PK\x05\x06" + Little(options.disk) + Little<uint16_t>(0) + Little(short_count) + Little(short_count) +
          Little(wide ? 0xFFFFFFFFU : Low(size)) + Little(wide ? 0xFFFFFFFFU : Low(offset)) +
          Little(Short(options.comment.size())) + options.comment;
  return file;
}

Pickle& Pickle::Raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

Pickle& Pickle::Global(std::string_view module, std::string_view name) {
  return Raw("c").Raw(module).Raw("\n").Raw(name).Raw("\n");
}

Pickle& Pickle::Text(std::string_view text) {
  return Raw("X").Raw(Little(static_cast<uint32_t>(text.size()))).Raw(text);
}

Pickle& Pickle::Integer(int64_t number) {
  if (number >= 0 && number < 0x100) return Raw("K").Raw(Little(static_cast<uint8_t>(number)));
  if (number >= 0 && number < 0x10000) return Raw("M").Raw(Little(static_cast<uint16_t>(number)));
  if (number >= INT32_MIN && number <= INT32_MAX) return Raw("J").Raw(Little(static_cast<int32_t>(number)));
  return Raw("\x8a\x08").Raw(Little(number));
}

Pickle& Pickle::Float(double number) {
  return Raw("G").Raw(Little(__builtin_bswap64(std::bit_cast<uint64_t>(number))));
}

Pickle& Pickle::Bool(bool value) { return Raw(value ? "\x88" : "\x89"); }

Pickle& Pickle::Integers(const std::vector<int64_t>& numbers) {
  Raw("(");
  for (const int64_t number : numbers) Integer(number);
  return Raw("t");
}

Pickle& Pickle::Storage(std::string_view cls, std::string_view key, int64_t elements) {
  Raw("(").Text("storage").Global(cls == "UntypedStorage" ? "torch.storage" : "torch", cls);
  return Text(key).Text("cpu").Integer(elements).Raw("tQ");
}

Pickle& Pickle::Tensor(const TensorArgs& args) {
  const bool v3 = !args.dtype.empty();
  Global("torch._utils", v3 ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2").Raw("(");
  Storage(v3 ? "UntypedStorage" : args.cls, args.key, args.elements).Integer(args.offset);
  Integers(args.shape).Integers(args.strides).Bool(false).Global("collections", "OrderedDict").Raw(")R");
  if (v3) Global("torch", args.dtype);
  if (!args.metadata.empty()) Raw("}").Text(args.metadata).Bool(true).Raw("s");
  return Raw("tR");
}

std::string PthFile(const std::string& pickle, const std::vector<StorageData>& storages, std::string_view byteorder) {
  std::vector<ZipEntry> entries = {{"top/data.pkl", pickle}, {"top/byteorder", std::string(byteorder)}};
  for (const StorageData& storage : storages) entries.push_back({"top/data/" + storage.key, storage.data});
  entries.push_back({"top/version", "3\n"});
  return ZipFile(entries);
}

std::string SafetensorsFile(std::string_view header, std::string_view data) {
  return Little(uint64_t{header.size()}) + std::string(header) + std::string(data);
}

void WriteTestFile(const std::filesystem::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
}

std::string ReadTestFile(const std::filesystem::path& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

}  // namespace vlaq::checkpoint::testing
