#include "data/hdf5_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "data/hdf5_text.h"

namespace vlaq::data {
namespace {

constexpr std::array<std::string_view, 2> kTimesNames{"timestamp", "timestamps"};
constexpr hsize_t kTimesPerChunk = 64;

template <typename T>
Result<std::vector<T>> ReadAsVector(Hdf5Array& array, hid_t type) {
  VLAQ_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, ReadAs(array, type));
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

Result<StoredTimes> ReadStored(const Hdf5Source& source, const std::string& name, int64_t length) {
  VLAQ_ASSIGN_OR_RETURN(Hdf5Array array, Hdf5Array::Open(source.file, name, source.file_bytes));
  if (array.count() != static_cast<uint64_t>(length) || array.dims().empty() || array.dims()[0] != array.count()) {
    return array.Wrong(fmt::format("has the shape {}, but there are {} steps", array.Shape(), length),
                       "time stamps are [T], one a step");
  }
  StoredTimes stored;
  for (const char* attribute : {"units", "unit"}) {
    VLAQ_ASSIGN_OR_RETURN(const auto texts, ReadTextsOf(array.id(), attribute, 1, source.heap));
    if (texts && stored.unit.empty()) stored.unit = texts->front();
  }
  const H5T_class_t kind = H5Tget_class(array.type());
  const size_t bytes = H5Tget_size(array.type());
  if (kind == H5T_FLOAT && (bytes == sizeof(float) || bytes == sizeof(double))) {
    stored.is_float32 = bytes == sizeof(float);
    VLAQ_ASSIGN_OR_RETURN(stored.values, ReadAsVector<double>(array, H5T_NATIVE_DOUBLE));
  } else if (kind == H5T_INTEGER && bytes <= sizeof(int64_t)) {
    VLAQ_ASSIGN_OR_RETURN(stored.values, ReadAsVector<int64_t>(array, H5T_NATIVE_INT64));
  } else {
    return array.Wrong("holds no float32, float64 or integers", "time stamps are numbers, with their unit as 'units'");
  }
  return stored;
}

std::optional<std::string> FindTimes(const Hdf5File& file, Layout layout) {
  // In the other layout a link "observations" to elsewhere would be followed.
  for (const std::string_view group : {"", "observations/"}) {
    if (!group.empty() && layout != Layout::kFeatures) continue;
    for (const std::string_view name : kTimesNames) {
      std::string path = fmt::format("{}{}", group, name);
      if (Hdf5Array::Exists(file, path)) return path;
    }
  }
  return std::nullopt;
}

Result<std::optional<RecordedTimes>> ReadRecorded(const Hdf5Source& source, const std::string& name,
                                                  const std::string& place, int64_t length) {
  VLAQ_ASSIGN_OR_RETURN(const StoredTimes stored, ReadStored(source, name, length));
  auto times = SecondsOf(stored);
  if (!times.ok()) return Within(place, times.error());
  return std::optional(std::move(*times));
}

}  // namespace

bool IsTimesName(std::string_view name) {
  return std::find(kTimesNames.begin(), kTimesNames.end(), name) != kTimesNames.end();
}

Timing ReadTiming(const Hdf5Source& source, Layout layout, int64_t length, const std::optional<StatedRate>& stated) {
  const std::optional<std::string> name = FindTimes(source.file, layout);
  if (!name) return MakeTiming(std::optional<RecordedTimes>(), "", stated);
  const std::string place = fmt::format("dataset '{}'", *name);
  return MakeTiming(ReadRecorded(source, *name, place, length), place, stated);
}

Result<Hdf5Rows> TimesWriter::Create(const Hdf5File& file, int compression) {
  VLAQ_ASSIGN_OR_RETURN(
      Hdf5Rows rows,
      Hdf5Rows::Create(file, {std::string(kTimesNames.front()), H5T_IEEE_F64LE, {}, kTimesPerChunk, compression}));
  VLAQ_RETURN_IF_ERROR(WriteAttribute(rows.id(), "units", std::vector<std::string>{"s"}));
  return rows;
}

Status TimesWriter::Check(bool wanted, const std::optional<double>& seconds) const {
  if (wanted != seconds.has_value()) {
    return UsageError(wanted ? "a step without a time stamp in an episode that has them"
                             : "a step with a time stamp in an episode that has none");
  }
  if (!seconds) return {};
  if (!std::isfinite(*seconds)) return UsageError(fmt::format("a step cannot be at {} s", *seconds));
  if (last_ && *seconds <= *last_) {
    return UsageError(fmt::format("a step at {} s does not come after one at {} s", *seconds, *last_));
  }
  return {};
}

Status TimesWriter::Append(double seconds, Hdf5Rows& rows) {
  last_ = seconds;
  return rows.Append(H5T_NATIVE_DOUBLE, &seconds);
}

}  // namespace vlaq::data
