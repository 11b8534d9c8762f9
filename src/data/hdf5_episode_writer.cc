#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/unfinished.h"
#include "data/hdf5_rows.h"
#include "data/hdf5_times.h"
#include "data/writer.h"

namespace vlaq::data {
namespace fs = std::filesystem;
namespace {

constexpr size_t kInstructionBytes = 256;   // of the dataset, with at least one zero at the end
constexpr hsize_t kSmallRowsPerChunk = 64;  // of everything but the images

// A NUL would cut the text short in the file.
Status CheckText(std::string_view what, const std::string& text) {
  if (text.find('\0') == std::string::npos) return {};
  return UsageError(fmt::format("the {} of an episode must not hold a zero byte", what));
}

Status CheckColumn(const ExtraColumn& column) {
  if (column.dataset.find('/') == std::string::npos || column.dataset.starts_with('/')) {
    return UsageError(
        fmt::format("the extra dataset '{}' must lie in a group, as in 'simulation/state'", column.dataset));
  }
  if (column.names.empty()) return UsageError(fmt::format("the extra dataset '{}' has no columns", column.dataset));
  return {};
}

Status Check(const WriterOptions& o) {
  if (!image::IsAllowedSize(o.width, o.height)) {
    return UsageError(fmt::format("frames of {} x {} pixels cannot be recorded", o.width, o.height));
  }
  if (o.instruction.size() >= kInstructionBytes) {
    return UsageError(fmt::format("the instruction has {} bytes; an episode holds at most {}", o.instruction.size(),
                                  kInstructionBytes - 1));
  }
  if (o.compression < 0 || o.compression > 9) {
    return UsageError(fmt::format("the gzip level must be 0 to 9, not {}", o.compression));
  }
  if (!std::isfinite(o.control_period_s) || o.control_period_s <= 0) {
    return UsageError(fmt::format("the control period must be above 0 s, not {}", o.control_period_s));
  }
  if (o.chunk < 1) return UsageError(fmt::format("the action chunk must be at least 1, not {}", o.chunk));
  VLAQ_RETURN_IF_ERROR(CheckText("name", o.name));
  VLAQ_RETURN_IF_ERROR(CheckText("instruction", o.instruction));
  for (const ExtraColumn& column : o.extra) VLAQ_RETURN_IF_ERROR(CheckColumn(column));
  for (const auto& [name, value] : o.attributes) VLAQ_RETURN_IF_ERROR(CheckText("attribute " + name, value));
  return {};
}

Status WriteInstruction(const Hdf5File& file, const std::string& instruction) {
  std::string bytes = instruction;
  bytes.resize(kInstructionBytes, '\0');
  const Hdf5Type type(H5Tcopy(H5T_C_S1));
  const hsize_t one = 1;
  const Hdf5Space space(H5Screate_simple(1, &one, nullptr));
  bool done = H5Tset_size(type.get(), kInstructionBytes) >= 0 && H5Tset_strpad(type.get(), H5T_STR_NULLPAD) >= 0 &&
              H5Tset_cset(type.get(), H5T_CSET_UTF8) >= 0;
  const Hdf5Dataset dataset(
      H5Dcreate2(file.get(), "language_instruction", type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  done = done && dataset.ok() && H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) >= 0;
  if (!done) return Hdf5Error("dataset 'language_instruction'", "write it");
  return {};
}

}  // namespace

struct EpisodeWriter::State {
  State(OutputPath place_in, WriterOptions options_in) : place(std::move(place_in)), options(std::move(options_in)) {}

  Status CreateDatasets();
  Status Add(RowsSpec spec);
  Status Append(const image::ImageView& frame, const Command& command, Event event,
                std::span<const std::vector<float>> extra, const std::optional<double>& seconds);
  Status WriteAttributes() const;

  // From the first to the last, so that they close from the last to the first.
  OutputPath place;
  WriterOptions options;
  Hdf5File file;
  Hdf5Type text;
  std::vector<Hdf5Rows> rows;  // images, actions, action_event_types, the extra ones, the time stamps
  TimesWriter times;
  int64_t count = 0;
};

Status EpisodeWriter::State::Add(RowsSpec spec) {
  spec.compression = options.compression;
  VLAQ_ASSIGN_OR_RETURN(Hdf5Rows made, Hdf5Rows::Create(file, std::move(spec)));
  rows.push_back(std::move(made));
  return {};
}

Status EpisodeWriter::State::CreateDatasets() {
  const auto height = static_cast<hsize_t>(options.height);
  const auto width = static_cast<hsize_t>(options.width);
  VLAQ_RETURN_IF_ERROR(Add({"images", H5T_STD_U8LE, {height, width, 3}, 1}));
  VLAQ_RETURN_IF_ERROR(Add({"actions", H5T_IEEE_F32LE, {3}, kSmallRowsPerChunk}));
  text = VariableText();
  VLAQ_RETURN_IF_ERROR(Add({"action_event_types", text.get(), {}, kSmallRowsPerChunk}));
  for (const ExtraColumn& column : options.extra) {
    VLAQ_RETURN_IF_ERROR(Add({column.dataset, H5T_IEEE_F32LE, {column.names.size()}, kSmallRowsPerChunk}));
    VLAQ_RETURN_IF_ERROR(WriteAttribute(rows.back().id(), "names", column.names));
  }
  if (options.timestamps) {
    VLAQ_ASSIGN_OR_RETURN(Hdf5Rows made, TimesWriter::Create(file, options.compression));
    rows.push_back(std::move(made));
  }
  return WriteInstruction(file, options.instruction);
}

Status EpisodeWriter::State::Append(const image::ImageView& frame, const Command& command, Event event,
                                    std::span<const std::vector<float>> extra, const std::optional<double>& seconds) {
  const std::string word(Name(event));
  const char* start = word.c_str();
  VLAQ_RETURN_IF_ERROR(rows[0].Append(H5T_NATIVE_UINT8, frame.rgb.data()));
  VLAQ_RETURN_IF_ERROR(rows[1].Append(H5T_NATIVE_FLOAT, command.data()));
  VLAQ_RETURN_IF_ERROR(rows[2].Append(text.get(), static_cast<const void*>(&start)));
  for (size_t i = 0; i < extra.size(); ++i) {
    VLAQ_RETURN_IF_ERROR(rows[3 + i].Append(H5T_NATIVE_FLOAT, extra[i].data()));
  }
  if (seconds) VLAQ_RETURN_IF_ERROR(times.Append(*seconds, rows.back()));
  ++count;
  return {};
}

Status EpisodeWriter::State::WriteAttributes() const {
  VLAQ_RETURN_IF_ERROR(WriteAttribute(file.get(), "episode_name", options.name));
  VLAQ_RETURN_IF_ERROR(
      WriteAttribute(file.get(), "total_duration", static_cast<double>(count) * options.control_period_s));
  VLAQ_RETURN_IF_ERROR(WriteAttribute(file.get(), "num_frames", count));
  VLAQ_RETURN_IF_ERROR(WriteAttribute(file.get(), "action_chunk_size", options.chunk));
  for (const auto& [name, value] : options.attributes) {
    VLAQ_RETURN_IF_ERROR(WriteAttribute(file.get(), name, value));
  }
  return {};
}

EpisodeWriter::EpisodeWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
EpisodeWriter::EpisodeWriter(EpisodeWriter&&) noexcept = default;
EpisodeWriter& EpisodeWriter::operator=(EpisodeWriter&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
EpisodeWriter::~EpisodeWriter() = default;

Result<EpisodeWriter> EpisodeWriter::Create(const fs::path& path, WriterOptions options, Existing existing) {
  VLAQ_RETURN_IF_ERROR(Check(options));
  VLAQ_ASSIGN_OR_RETURN(OutputPath place, OutputPath::Create(path, existing));
  const Hdf5Guard guard;
  auto state = std::make_unique<State>(std::move(place), std::move(options));
  Result<Hdf5File> file = CreateHdf5(state->place.path());
  if (!file.ok()) return Within(IntendedPlace(path).string(), file.error());
  state->file = std::move(*file);
  if (const Status made = state->CreateDatasets(); !made.ok())
    return Within(IntendedPlace(path).string(), made.error());
  return EpisodeWriter(std::move(state));
}

Status EpisodeWriter::Append(const image::ImageView& frame, const Command& command, Event event,
                             std::span<const std::vector<float>> extra, const std::optional<double>& seconds) {
  State& s = *state_;
  if (!frame.IsValid() || frame.width != s.options.width || frame.height != s.options.height) {
    return UsageError(fmt::format("a frame of {} x {} pixels in an episode of {} x {}", frame.width, frame.height,
                                  s.options.width, s.options.height));
  }
  if (extra.size() != s.options.extra.size()) {
    return UsageError(fmt::format("{} extra rows in an episode with {}", extra.size(), s.options.extra.size()));
  }
  for (size_t i = 0; i < extra.size(); ++i) {
    const ExtraColumn& column = s.options.extra[i];
    if (extra[i].size() == column.names.size()) continue;
    return UsageError(fmt::format("a row of {} values for the extra dataset '{}', which takes {}", extra[i].size(),
                                  column.dataset, column.names.size()));
  }
  VLAQ_RETURN_IF_ERROR(s.times.Check(s.options.timestamps, seconds));
  const Hdf5Guard guard;
  const Status done = s.Append(frame, command, event, extra, seconds);
  return done.ok() ? done : Within(IntendedPlace(s.place.target()).string(), done.error());
}

Status EpisodeWriter::Commit() {
  State& s = *state_;
  if (s.count == 0) return UsageError(fmt::format("{}: an episode needs at least one step", s.place.target().string()));
  const Hdf5Guard guard;
  Status done = s.WriteAttributes();
  if (done.ok()) done = CloseAll(s.rows, s.file);
  if (!done.ok()) return Within(IntendedPlace(s.place.target()).string(), done.error());
  return s.place.Commit();
}

}  // namespace vlaq::data
