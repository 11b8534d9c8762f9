#include "data/hdf5_episode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/hash.h"
#include "base/text.h"
#include "data/hdf5_text.h"
#include "data/hdf5_times.h"
#include "data/layout.h"
#include "data/recorder.h"

namespace vlaq::data {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMaxSteps = 10'000'000;

// Names under which recorders keep the instruction, the surest first: the recorder's own, LeRobot's and robomimic's
// kin.
constexpr std::array<const char*, 8> kInstructionNames{
    "language_instruction", "instruction", "natural_language_instruction", "task_description", "language", "lang",
    "task_instruction",     "task"};

Result<std::string> ReadInstructionDataset(const Hdf5Source& source, const char* name) {
  VLAQ_ASSIGN_OR_RETURN(Hdf5Array array, Hdf5Array::Open(source.file, name, source.file_bytes));
  if (array.count() != 1) return array.Wrong(fmt::format("has the shape {}, not [1]", array.Shape()));
  VLAQ_ASSIGN_OR_RETURN(std::vector<std::string> texts, ReadTexts(array, source.heap));
  if (!IsUtf8(texts.front())) return array.Wrong("is not UTF-8");
  return std::move(texts.front());
}

bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

// As it stands in the file: the recorder's dataset, or an attribute of one of the names; empty if it does not.
Result<std::string> ReadTask(const Hdf5Source& source,
                             const std::vector<std::pair<std::string, std::string>>& attributes) {
  if (Hdf5Array::Exists(source.file, kInstructionNames[0])) {
    VLAQ_ASSIGN_OR_RETURN(std::string text, ReadInstructionDataset(source, kInstructionNames[0]));
    if (!IsBlank(text)) return text;
  }
  for (const std::string_view name : kInstructionNames) {
    const auto found = std::find_if(attributes.begin(), attributes.end(),
                                    [&](const auto& attribute) { return attribute.first == name; });
    if (found == attributes.end() || IsBlank(found->second)) continue;
    if (!IsUtf8(found->second)) return InputError(fmt::format("attribute '{}'", name), "is not UTF-8");
    return found->second;
  }
  return std::string();
}

void ChooseTask(Layout layout, Hdf5Content& content) {
  const auto take = [&](std::string text, InstructionSource source) {
    content.task = std::move(text);
    content.task_source = content.task.empty() ? InstructionSource::kNone : source;
  };
  if (!content.stored_task.empty()) {
    take(content.stored_task, InstructionSource::kFile);
  } else if (!content.options.default_instruction.empty()) {
    take(content.options.default_instruction, InstructionSource::kSetting);
  } else if (layout == Layout::kRecorder) {
    take(InstructionFromName(content.path.filename().string()), InstructionSource::kFileName);
  }
}

class Hdf5Episode final : public Episode {
 public:
  Hdf5Episode(Hdf5Content content, Hdf5File file) : file_(std::move(file)), content_(std::move(content)) {}

  const fs::path& path() const override { return content_.path; }
  int64_t length() const override { return content_.length; }
  const std::vector<Stream>& streams() const override { return content_.streams; }
  const std::string& task() const override { return content_.task; }
  InstructionSource task_source() const override { return content_.task_source; }
  const std::vector<std::pair<std::string, std::string>>& attributes() const override { return content_.attributes; }
  const std::vector<std::string>& events() const override { return content_.events; }
  const Timing& timing() const override { return content_.timing; }

  Result<Tensor> Read(std::string_view stream, int64_t t) const override;
  Result<Tensor> ReadAll(std::string_view stream) const override;
  Result<std::string> ContentHash() const override;

 private:
  Result<size_t> IndexOf(std::string_view stream) const;
  Result<std::span<const uint8_t>> Stored(size_t camera, int64_t t) const;

  Hdf5File file_;
  mutable Hdf5Content content_;  // its pictures keep the frames that were read last; they close before the file does
};

Result<size_t> Hdf5Episode::IndexOf(std::string_view stream) const {
  const auto& streams = content_.streams;
  const auto found = std::find_if(streams.begin(), streams.end(), [&](const Stream& s) { return s.name == stream; });
  if (found != streams.end()) return static_cast<size_t>(found - streams.begin());
  return UsageError(fmt::format("{} has no stream '{}'", path().string(), stream),
                    "its streams are " + StreamsText(streams));
}

Result<std::span<const uint8_t>> Hdf5Episode::Stored(size_t camera, int64_t t) const {
  auto bytes = content_.pictures[camera].Read(static_cast<hsize_t>(t));
  if (!bytes.ok()) return Within(path().string(), bytes.error());
  return bytes;
}

Result<Tensor> Hdf5Episode::Read(std::string_view stream, int64_t t) const {
  VLAQ_ASSIGN_OR_RETURN(const size_t index, IndexOf(stream));
  if (t < 0 || t >= length()) {
    return UsageError(fmt::format("{} has no frame {}: it has {}", path().string(), t, length()));
  }
  const Stream& found = content_.streams[index];
  Tensor tensor = Tensor::Make(found.dtype, found.shape);
  if (!found.is_image()) {
    const Tensor& all = content_.numbers[index - content_.pictures.size()];
    const size_t row = tensor.bytes().size();
    std::memcpy(tensor.mutable_bytes().data(), all.bytes().data() + static_cast<size_t>(t) * row, row);
    return tensor;
  }
  VLAQ_ASSIGN_OR_RETURN(const auto bytes, Stored(index, t));
  const auto to = tensor.mutable_data<uint8_t>();
  std::copy(bytes.begin(), bytes.end(), to.begin());
  if (content_.options.channel_order == image::ChannelOrder::kBgr) {
    for (size_t i = 0; i < to.size(); i += 3) std::swap(to[i], to[i + 2]);
  }
  return tensor;
}

Result<Tensor> Hdf5Episode::ReadAll(std::string_view stream) const {
  VLAQ_ASSIGN_OR_RETURN(const size_t index, IndexOf(stream));
  if (!content_.streams[index].is_image()) return content_.numbers[index - content_.pictures.size()];
  return UsageError(fmt::format("the stream '{}' holds pictures, which are read one at a time", stream));
}

Result<std::string> Hdf5Episode::ContentHash() const {
  Sha256 hash;
  hash.Update(AsBytes(content_.hash_header));
  for (size_t camera = 0; camera < content_.pictures.size(); ++camera) {
    for (int64_t t = 0; t < length(); ++t) {
      VLAQ_ASSIGN_OR_RETURN(const auto bytes, Stored(camera, t));
      hash.Update(std::as_bytes(bytes));
    }
  }
  for (const Tensor& numbers : content_.numbers) hash.Update(numbers.bytes());
  hash.Update(AsBytes(content_.stored_task));
  return hash.FinishHex();
}

Result<std::unique_ptr<Episode>> ReadFile(Hdf5Content content, Hdf5File file, uint64_t file_bytes) {
  VLAQ_ASSIGN_OR_RETURN(const Layout layout, RecognizeLayout(file));
  VLAQ_ASSIGN_OR_RETURN(GlobalHeap heap, OpenHeap(file, content.path));
  const Hdf5Source source{file, file_bytes, heap};
  VLAQ_ASSIGN_OR_RETURN(content.attributes, ReadAttributes(file.get(), heap));
  VLAQ_RETURN_IF_ERROR(layout == Layout::kRecorder ? ReadRecorderLayout(source, content)
                                                   : ReadFeatureLayout(source, content));
  if (content.length > kMaxSteps) {
    return InputError("", fmt::format("has {} steps, which is out of bounds", content.length));
  }
  content.timing = ReadTiming(source, layout, content.length, content.stated_rate);
  if (content.timing.wrong) content.timing.wrong = Within(content.path.string(), *content.timing.wrong);
  for (Stream& stream : content.streams) stream.rate_hz = content.timing.RateHz();
  VLAQ_ASSIGN_OR_RETURN(content.stored_task, ReadTask(source, content.attributes));
  ChooseTask(layout, content);
  return std::unique_ptr<Episode>(std::make_unique<Hdf5Episode>(std::move(content), std::move(file)));
}

}  // namespace

Result<std::unique_ptr<Episode>> Episode::Open(const fs::path& path, const ReadOptions& options) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    return InputError(path.string(), fs::exists(path, error) ? "is not a file" : "does not exist");
  }
  const uint64_t file_bytes = fs::file_size(path, error);
  const Hdf5Guard guard;
  VLAQ_ASSIGN_OR_RETURN(Hdf5File file, OpenHdf5(path));
  Hdf5Content content;
  content.path = path;
  content.options = options;
  auto episode = ReadFile(std::move(content), std::move(file), file_bytes);
  if (!episode.ok()) return Within(path.string(), episode.error());
  return episode;
}

const Stream* Episode::FindStream(std::string_view name) const {
  const auto found = std::find_if(streams().begin(), streams().end(), [&](const Stream& s) { return s.name == name; });
  return found == streams().end() ? nullptr : &*found;
}

Result<Observation> Episode::ReadObservation(int64_t t) const {
  Observation observation;
  for (const Stream& stream : streams()) {
    if (!stream.is_observation()) continue;
    VLAQ_ASSIGN_OR_RETURN(Tensor value, Read(stream.name, t));
    observation.emplace(stream.name, std::move(value));
  }
  return observation;
}

Result<Observation> Episode::ReadObservation(const std::map<std::string, std::string>& match, int64_t t) const {
  Observation observation;
  for (const auto& [wanted, stream] : match) {
    VLAQ_ASSIGN_OR_RETURN(Tensor value, Read(stream, t));
    observation.emplace(wanted, std::move(value));
  }
  return observation;
}

Result<image::Image> Episode::ReadFrame(int64_t t) const {
  const Stream& camera = streams().front();
  if (!camera.is_image())
    return InputError(path().string(), "has no camera", "its streams are " + StreamsText(streams()));
  VLAQ_ASSIGN_OR_RETURN(const Tensor picture, Read(camera.name, t));
  const auto bytes = picture.data<uint8_t>();
  return image::Image{
      static_cast<int>(camera.shape[1]), static_cast<int>(camera.shape[0]), {bytes.begin(), bytes.end()}};
}

}  // namespace vlaq::data
