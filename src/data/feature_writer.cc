#include "data/feature_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/unfinished.h"
#include "data/hdf5_rows.h"
#include "data/hdf5_times.h"
#include "image/image.h"

namespace vlaq::data {
namespace {

constexpr hsize_t kNumberRowsPerChunk = 64;

Status CheckStream(const Stream& stream) {
  const auto wrong = [&](const std::string& what) {
    return UsageError(fmt::format("the stream '{}' {}", stream.name, what));
  };
  const bool named = stream.name == kAction || (stream.is_observation() && stream.name.find('/') == std::string::npos &&
                                                stream.name.find('\0') == std::string::npos);
  if (!named) return wrong("cannot be written: streams are 'observation.*' and 'action'");
  const bool is_empty =
      stream.shape.empty() || std::any_of(stream.shape.begin(), stream.shape.end(), [](int64_t n) { return n < 1; });
  if (is_empty) return wrong(fmt::format("has steps of the shape {}", ShapeText(stream.shape)));
  if (stream.is_image()) {
    const bool fits =
        stream.shape.size() == 3 && stream.shape[2] == 3 && image::IsAllowedSize(stream.shape[1], stream.shape[0]);
    return fits ? Status() : wrong(fmt::format("has pictures of the shape {}", ShapeText(stream.shape)));
  }
  if (stream.dtype != DType::kF32) return wrong(fmt::format("is {}, not float32", DTypeName(stream.dtype)));
  const auto width = static_cast<size_t>(stream.shape.back());
  for (const auto* texts : {&stream.names, &stream.units}) {
    if (!texts->empty() && texts->size() != width) {
      return wrong(fmt::format("has {} names or units for {} elements", texts->size(), width));
    }
  }
  return {};
}

Status CheckFeatureOptions(const FeatureWriterOptions& options) {
  for (const Stream& stream : options.streams) {
    VLAQ_RETURN_IF_ERROR(CheckStream(stream));
    if (std::ranges::count(options.streams, stream.name, &Stream::name) > 1) {
      return UsageError(fmt::format("the stream '{}' is named twice", stream.name));
    }
  }
  if (std::ranges::count(options.streams, kAction, &Stream::name) == 0 || options.streams.size() < 2) {
    return UsageError("an episode needs observations and the stream 'action'");
  }
  if (options.compression < 0 || options.compression > 9) {
    return UsageError(fmt::format("the gzip level must be 0 to 9, not {}", options.compression));
  }
  if (options.rate_hz && !(std::isfinite(*options.rate_hz) && *options.rate_hz > 0)) {
    return UsageError(fmt::format("the rate must be above 0 Hz, not {}", *options.rate_hz));
  }
  if (options.task.find('\0') != std::string::npos) return UsageError("a task must not hold a zero byte");
  return {};
}

}  // namespace

struct FeatureWriter::State {
  State(OutputPath place_in, FeatureWriterOptions options_in)
      : place(std::move(place_in)), options(std::move(options_in)) {}

  Status CreateDatasets();

  // From the first to the last, so that they close from the last to the first.
  OutputPath place;
  FeatureWriterOptions options;
  Hdf5File file;
  std::vector<Hdf5Rows> rows;  // one a stream, and the time stamps
  TimesWriter times;
  int64_t count = 0;
};

Status FeatureWriter::State::CreateDatasets() {
  for (const Stream& stream : options.streams) {
    RowsSpec spec{stream.name,
                  stream.is_image() ? H5T_STD_U8LE : H5T_IEEE_F32LE,
                  {stream.shape.begin(), stream.shape.end()},
                  stream.is_image() ? 1 : kNumberRowsPerChunk,
                  options.compression};
    VLAQ_ASSIGN_OR_RETURN(Hdf5Rows made, Hdf5Rows::Create(file, std::move(spec)));
    rows.push_back(std::move(made));
    if (!stream.names.empty()) VLAQ_RETURN_IF_ERROR(WriteAttribute(rows.back().id(), "names", stream.names));
    if (!stream.units.empty()) VLAQ_RETURN_IF_ERROR(WriteAttribute(rows.back().id(), "units", stream.units));
  }
  if (options.timestamps) {
    VLAQ_ASSIGN_OR_RETURN(Hdf5Rows made, TimesWriter::Create(file, options.compression));
    rows.push_back(std::move(made));
  }
  if (!options.task.empty()) VLAQ_RETURN_IF_ERROR(WriteAttribute(file.get(), "task", options.task));
  if (options.rate_hz) VLAQ_RETURN_IF_ERROR(WriteAttribute(file.get(), "fps", *options.rate_hz));
  return {};
}

FeatureWriter::FeatureWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
FeatureWriter::FeatureWriter(FeatureWriter&&) noexcept = default;
FeatureWriter& FeatureWriter::operator=(FeatureWriter&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
FeatureWriter::~FeatureWriter() = default;

Result<FeatureWriter> FeatureWriter::Create(const std::filesystem::path& path, FeatureWriterOptions options,
                                            Existing existing) {
  VLAQ_RETURN_IF_ERROR(CheckFeatureOptions(options));
  VLAQ_ASSIGN_OR_RETURN(OutputPath place, OutputPath::Create(path, existing));
  const Hdf5Guard guard;
  auto state = std::make_unique<State>(std::move(place), std::move(options));
  Result<Hdf5File> file = CreateHdf5(state->place.path());
  if (!file.ok()) return Within(IntendedPlace(path).string(), file.error());
  state->file = std::move(*file);
  if (const Status made = state->CreateDatasets(); !made.ok()) {
    return Within(IntendedPlace(path).string(), made.error());
  }
  return FeatureWriter(std::move(state));
}

Status FeatureWriter::Append(const Observation& step, const std::optional<double>& seconds) {
  State& s = *state_;
  VLAQ_RETURN_IF_ERROR(s.times.Check(s.options.timestamps, seconds));
  for (const Stream& stream : s.options.streams) {
    const auto value = step.find(stream.name);
    if (value == step.end()) return UsageError(fmt::format("the step lacks the stream '{}'", stream.name));
    if (value->second.dtype() == stream.dtype && value->second.shape() == stream.shape) continue;
    return UsageError(fmt::format("the stream '{}' is {} {}, and this step has {} {}", stream.name,
                                  DTypeName(stream.dtype), ShapeText(stream.shape), DTypeName(value->second.dtype()),
                                  ShapeText(value->second.shape())));
  }
  const Hdf5Guard guard;
  for (size_t i = 0; i < s.options.streams.size(); ++i) {
    const Stream& stream = s.options.streams[i];
    const Status done =
        s.rows[i].Append(stream.is_image() ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT, step.at(stream.name).bytes().data());
    if (!done.ok()) return Within(IntendedPlace(s.place.target()).string(), done.error());
  }
  ++s.count;
  if (!seconds) return {};
  const Status done = s.times.Append(*seconds, s.rows.back());
  return done.ok() ? done : Within(IntendedPlace(s.place.target()).string(), done.error());
}

Status FeatureWriter::Commit() {
  State& s = *state_;
  if (s.count == 0) return UsageError(fmt::format("{}: an episode needs at least one step", s.place.target().string()));
  const Hdf5Guard guard;
  const Status done = CloseAll(s.rows, s.file);
  if (!done.ok()) return Within(IntendedPlace(s.place.target()).string(), done.error());
  return s.place.Commit();
}

}  // namespace vlaq::data
