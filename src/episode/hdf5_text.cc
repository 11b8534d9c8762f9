#include "episode/hdf5_text.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <functional>

namespace vlaq::episode {
namespace {

constexpr size_t kMostText = size_t{64} << 10U;
constexpr uint64_t kMostTexts = 10'000'000;
constexpr uint64_t kMostFixedBytes = uint64_t{256} << 20U;
constexpr unsigned kMostAttributes = 1000;

// Where the strings of a dataset or attribute come from.
struct TextSource {
  hid_t type;   // in memory as in the file
  hid_t space;  // their number
  uint64_t count;
  std::function<bool(void*)> read;  // into memory laid out as `type` says
};

std::string Cut(const char* bytes, size_t size, bool space_padded) {
  std::string_view text(bytes, ::strnlen(bytes, size));
  while (space_padded && text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text);
}

Result<std::vector<std::string>> FixedTexts(const TextSource& source, const std::string& where) {
  const size_t size = H5Tget_size(source.type);
  if (size == 0 || size > kMostText || source.count * size > kMostFixedBytes) {
    return InputError(where, fmt::format("{} strings of {} bytes each are out of bounds", source.count, size));
  }
  std::vector<char> bytes(source.count * size);
  if (!source.read(bytes.data())) return Hdf5Error(where, "read it");
  const bool space_padded = H5Tget_strpad(source.type) == H5T_STR_SPACEPAD;
  std::vector<std::string> texts;
  for (uint64_t i = 0; i < source.count; ++i) texts.push_back(Cut(bytes.data() + i * size, size, space_padded));
  return texts;
}

Result<std::vector<std::string>> VariableTexts(const TextSource& source, const std::string& where) {
  std::vector<char*> starts(source.count, nullptr);
  const bool done = source.read(static_cast<void*>(starts.data()));
  std::vector<std::string> texts;
  bool fits = true;
  for (const char* start : starts) {
    const size_t size = start == nullptr ? 0 : ::strnlen(start, kMostText + 1);
    fits = fits && size <= kMostText;
    if (done && fits) texts.emplace_back(start == nullptr ? "" : start, size);
  }
  Error failed = Hdf5Error(where, "read it");
  H5Dvlen_reclaim(source.type, source.space, H5P_DEFAULT, static_cast<void*>(starts.data()));
  if (!done) return failed;
  if (!fits) return InputError(where, fmt::format("holds text above {} bytes", kMostText));
  return texts;
}

Result<std::vector<std::string>> Texts(const TextSource& source, const std::string& where) {
  if (source.count > kMostTexts) return InputError(where, fmt::format("{} strings are out of bounds", source.count));
  return H5Tis_variable_str(source.type) > 0 ? VariableTexts(source, where) : FixedTexts(source, where);
}

std::string Describe(H5T_class_t kind, uint64_t count) {
  const bool number = kind == H5T_INTEGER || kind == H5T_FLOAT;
  return fmt::format("({} {})", count, number ? "numbers" : kind == H5T_STRING ? "strings" : "values of another type");
}

// One value, or what the attribute is.
Result<std::string> AttributeText(hid_t attribute, const std::string& where) {
  const Hdf5Type type(H5Aget_type(attribute));
  const Hdf5Space space(H5Aget_space(attribute));
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  if (!type.ok() || !space.ok() || count < 0) return Hdf5Error(where, "read it");
  const H5T_class_t kind = H5Tget_class(type.get());
  if (count != 1) return Describe(kind, static_cast<uint64_t>(count));
  if (kind == H5T_STRING) {
    const auto read = [&](void* out) { return H5Aread(attribute, type.get(), out) >= 0; };
    VLAQ_ASSIGN_OR_RETURN(const auto texts, Texts({type.get(), space.get(), 1, read}, where));
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

Result<std::vector<std::string>> ReadTexts(Hdf5Array& array) {
  const std::string where = fmt::format("dataset '{}'", array.name());
  if (H5Tget_class(array.type()) != H5T_STRING) return array.Wrong("does not hold text");
  VLAQ_RETURN_IF_ERROR(array.CheckChunks());
  const Hdf5Space space(H5Dget_space(array.id()));
  const auto read = [&](void* out) {
    return H5Dread(array.id(), array.type(), H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0;
  };
  return Texts({array.type(), space.get(), array.count(), read}, where);
}

Result<std::vector<std::pair<std::string, std::string>>> ReadAttributes(hid_t object) {
  std::vector<std::pair<std::string, std::string>> all;
  H5O_info_t info{};
  if (H5Oget_info2(object, &info, H5O_INFO_NUM_ATTRS) < 0) return Hdf5Error("attributes", "count them");
  if (info.num_attrs > kMostAttributes) {
    return InputError("attributes", fmt::format("{} of them are out of bounds", info.num_attrs));
  }
  for (hsize_t i = 0; i < info.num_attrs; ++i) {
    const Hdf5Attribute attribute(H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT));
    std::array<char, 256> name{};
    if (!attribute.ok() || H5Aget_name(attribute.get(), name.size(), name.data()) < 0) {
      return Hdf5Error(fmt::format("attribute number {}", i), "read it");
    }
    VLAQ_ASSIGN_OR_RETURN(std::string text, AttributeText(attribute.get(), fmt::format("attribute '{}'", name.data())));
    all.emplace_back(name.data(), std::move(text));
  }
  return all;
}

}  // namespace vlaq::episode
