#include "data/hdf5_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "data/hdf5_rows.h"

namespace vlaq::data {
namespace {

constexpr uint64_t kMaxTexts = 10'000'000;
constexpr uint64_t kMaxFixedBytes = uint64_t{256} << 20U;
constexpr unsigned kMaxAttributes = 1000;

// Where the strings of a dataset or attribute come from.
struct TextSource {
  hid_t type;
  uint64_t count;
  std::function<bool(hid_t memory_type, void*)> read;  // all of them
};

// A conversion for the library from text of variable length to its bare references: it keeps their bytes as they are.
// NOLINTNEXTLINE(readability-function-size): the library decides what it passes
herr_t KeepReferences(hid_t from, hid_t to, H5T_cdata_t* data, size_t /*count*/, size_t /*stride*/, size_t /*stride*/,
                      void* /*values*/, void* /*background*/, hid_t /*transfer*/) {
  if (data->command != H5T_CONV_INIT) return 0;
  data->need_bkg = H5T_BKG_NO;
  const bool fits = H5Tis_variable_str(from) > 0 && H5Tget_size(from) == GlobalHeap::kReferenceBytes &&
                    H5Tget_size(to) == GlobalHeap::kReferenceBytes;
  return fits ? 0 : -1;
}

// The type in memory of a bare reference.
Hdf5Type ReferenceType() {
  Hdf5Type type(H5Tcreate(H5T_OPAQUE, GlobalHeap::kReferenceBytes));
  const Hdf5Type text(VariableText());
  static const bool registered =
      H5Tregister(H5T_PERS_SOFT, "vlaq text reference", text.get(), type.get(), KeepReferences) >= 0;
  return registered ? std::move(type) : Hdf5Type();
}

std::string Cut(const char* bytes, size_t size, bool space_padded) {
  std::string_view text(bytes, ::strnlen(bytes, size));
  while (space_padded && text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text);
}

Result<std::vector<std::string>> FixedTexts(const TextSource& source, const std::string& where) {
  const size_t size = H5Tget_size(source.type);
  if (size == 0 || size > GlobalHeap::kMaxText || source.count * size > kMaxFixedBytes) {
    return InputError(where, fmt::format("{} strings of {} bytes each are out of bounds", source.count, size));
  }
  std::vector<char> bytes(source.count * size);
  if (!source.read(source.type, bytes.data())) return Hdf5Error(where, "read it");
  const bool space_padded = H5Tget_strpad(source.type) == H5T_STR_SPACEPAD;
  std::vector<std::string> texts;
  for (uint64_t i = 0; i < source.count; ++i) texts.push_back(Cut(bytes.data() + i * size, size, space_padded));
  return texts;
}

Result<std::vector<std::string>> VariableTexts(const TextSource& source, const std::string& where, GlobalHeap& heap) {
  const Hdf5Type reference = ReferenceType();
  std::vector<std::byte> bytes(source.count * GlobalHeap::kReferenceBytes);
  if (!reference.ok() || !source.read(reference.get(), bytes.data())) return Hdf5Error(where, "read it");
  std::vector<std::string> texts;
  for (uint64_t i = 0; i < source.count; ++i) {
    auto text = heap.Text(Bytes(bytes).subspan(i * GlobalHeap::kReferenceBytes, GlobalHeap::kReferenceBytes));
    if (!text.ok()) return InputError(where, text.error().what);
    texts.push_back(std::move(*text));
  }
  return texts;
}

Result<std::vector<std::string>> Texts(const TextSource& source, const std::string& where, GlobalHeap& heap) {
  if (source.count > kMaxTexts) return InputError(where, fmt::format("{} strings are out of bounds", source.count));
  return H5Tis_variable_str(source.type) > 0 ? VariableTexts(source, where, heap) : FixedTexts(source, where);
}

std::string Describe(H5T_class_t kind, uint64_t count) {
  const bool number = kind == H5T_INTEGER || kind == H5T_FLOAT;
  return fmt::format("({} {})", count, number ? "numbers" : kind == H5T_STRING ? "strings" : "values of another type");
}

// One value, or what the attribute is.
Result<std::string> AttributeText(hid_t attribute, const std::string& where, GlobalHeap& heap) {
  const Hdf5Type type(H5Aget_type(attribute));
  const Hdf5Space space(H5Aget_space(attribute));
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  if (!type.ok() || !space.ok() || count < 0) return Hdf5Error(where, "read it");
  const H5T_class_t kind = H5Tget_class(type.get());
  if (count != 1) return Describe(kind, static_cast<uint64_t>(count));
  if (kind == H5T_STRING) {
    const auto read = [&](hid_t memory_type, void* out) { return H5Aread(attribute, memory_type, out) >= 0; };
    VLAQ_ASSIGN_OR_RETURN(const auto texts, Texts({type.get(), 1, read}, where, heap));
    return texts.front();
  }
  if (kind == H5T_INTEGER) {
    int64_t value = 0;
    if (H5Aread(attribute, H5T_NATIVE_INT64, &value) < 0) return Hdf5Error(where, "read it");
    return fmt::format("{}", value);
  }
  if (kind == H5T_FLOAT) {
    double value = 0;
    if (H5Aread(attribute, H5T_NATIVE_DOUBLE, &value) < 0) return Hdf5Error(where, "read it");
    return fmt::format("{}", value);
  }
  return Describe(kind, 1);
}

}  // namespace

Result<GlobalHeap> OpenHeap(const Hdf5File& file, const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(auto mapped, MappedFile::Open(path));
  const Hdf5Properties creation(H5Fget_create_plist(file.get()));
  hsize_t base = 0;
  if (H5Pget_userblock(creation.get(), &base) < 0) return Hdf5Error("", "find its first byte");
  return GlobalHeap(std::move(mapped), base);
}

Result<std::vector<std::string>> ReadTexts(Hdf5Array& array, GlobalHeap& heap) {
  if (H5Tget_class(array.type()) != H5T_STRING) return array.Wrong("does not hold text");
  std::vector<std::byte> chunked;
  if (!array.chunk().empty()) {
    VLAQ_ASSIGN_OR_RETURN(chunked, array.ReadAll());
  }
  const auto read = [&](hid_t memory_type, void* out) {
    if (array.chunk().empty()) return H5Dread(array.id(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0;
    if (chunked.size() != array.count() * H5Tget_size(memory_type)) return false;
    std::ranges::copy(chunked, static_cast<std::byte*>(out));
    return true;
  };
  return Texts({array.type(), array.count(), read}, fmt::format("dataset '{}'", array.name()), heap);
}

Result<std::vector<std::pair<std::string, std::string>>> ReadAttributes(hid_t object, GlobalHeap& heap) {
  std::vector<std::pair<std::string, std::string>> all;
  H5O_info_t info{};
  if (H5Oget_info2(object, &info, H5O_INFO_NUM_ATTRS) < 0) return Hdf5Error("attributes", "count them");
  if (info.num_attrs > kMaxAttributes) {
    return InputError("attributes", fmt::format("{} of them are out of bounds", info.num_attrs));
  }
  // Looking for a name that is not there decodes every attribute. The library's table of attributes, which opening by
  // number builds, releases memory that it never set when one of them does not decode (HDF5 1.10.8).
  if (info.num_attrs > 0 && H5Aexists(object, " ") < 0) return Hdf5Error("attributes", "read them");
  for (hsize_t i = 0; i < info.num_attrs; ++i) {
    const Hdf5Attribute attribute(H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT));
    std::array<char, 256> name{};
    if (!attribute.ok() || H5Aget_name(attribute.get(), name.size(), name.data()) < 0) {
      return Hdf5Error(fmt::format("attribute number {}", i), "read it");
    }
    VLAQ_ASSIGN_OR_RETURN(std::string text,
                          AttributeText(attribute.get(), fmt::format("attribute '{}'", name.data()), heap));
    all.emplace_back(name.data(), std::move(text));
  }
  return all;
}

Result<std::optional<std::vector<std::string>>> ReadTextsOf(hid_t object, const std::string& name, uint64_t count,
                                                            GlobalHeap& heap) {
  const std::optional<std::vector<std::string>> none;
  if (H5Aexists(object, name.c_str()) <= 0) {
    H5Eclear2(H5E_DEFAULT);
    return none;
  }
  const std::string where = fmt::format("attribute '{}'", name);
  const Hdf5Attribute attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT));
  if (!attribute.ok()) return Hdf5Error(where, "read it");
  const Hdf5Type type(H5Aget_type(attribute.get()));
  const Hdf5Space space(H5Aget_space(attribute.get()));
  if (!type.ok() || !space.ok()) return Hdf5Error(where, "read it");
  const hssize_t found = H5Sget_simple_extent_npoints(space.get());
  if (H5Tget_class(type.get()) != H5T_STRING || found < 0 || static_cast<uint64_t>(found) != count) return none;
  const auto read = [&](hid_t memory_type, void* out) { return H5Aread(attribute.get(), memory_type, out) >= 0; };
  VLAQ_ASSIGN_OR_RETURN(auto texts, Texts({type.get(), count, read}, where, heap));
  return std::optional(std::move(texts));
}

}  // namespace vlaq::data
