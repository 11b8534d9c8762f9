#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/hash.h"
#include "base/text.h"
#include "episode/episode.h"
#include "episode/hdf5_images.h"
#include "episode/hdf5_text.h"
#include "episode/instruction.h"
#include "episode/layout.h"

namespace vlaq::episode {
namespace fs = std::filesystem;
namespace {

constexpr hsize_t kMostSteps = 10'000'000;

struct Actions {
  std::vector<Command> commands;
  int width = 3;
};

Status CheckLength(const Hdf5Array& array, int64_t length) {
  if (!array.dims().empty() && array.dims()[0] == static_cast<hsize_t>(length)) return {};
  return array.Wrong(fmt::format("has the shape {}, but there are {} frames", array.Shape(), length));
}

Result<Actions> ReadActions(Hdf5Array array, int64_t length) {
  VLAQ_RETURN_IF_ERROR(CheckLength(array, length));
  const auto& dims = array.dims();
  if (dims.size() != 2 || (dims[1] != 2 && dims[1] != 3)) {
    return array.Wrong(
        fmt::format("has the shape {}; commands are [T, 3] (linear_x, linear_y, angular_z) or [T, 2]", array.Shape()));
  }
  const size_t bytes = H5Tget_size(array.type());
  if (H5Tget_class(array.type()) != H5T_FLOAT || (bytes != 4 && bytes != 8)) {
    return array.Wrong("does not hold float32 or float64");
  }
  VLAQ_RETURN_IF_ERROR(array.CheckChunks());
  std::vector<float> values(array.count());
  if (H5Dread(array.id(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    return Hdf5Error(fmt::format("dataset '{}'", array.name()), "read it");
  }
  Actions actions{std::vector<Command>(static_cast<size_t>(length), Command{}), static_cast<int>(dims[1])};
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t t = i / dims[1];
    if (!std::isfinite(values[i])) return array.Wrong(fmt::format("step {} holds {}", t, values[i]));
    actions.commands[t][i % dims[1]] = values[i];
  }
  return actions;
}

Result<std::vector<std::string>> ReadEvents(const Hdf5File& file, int64_t length, uint64_t file_bytes,
                                            GlobalHeap& heap) {
  constexpr const char* kName = "action_event_types";
  if (!Hdf5Array::Exists(file, kName)) return std::vector<std::string>();
  VLAQ_ASSIGN_OR_RETURN(Hdf5Array array, Hdf5Array::Open(file, kName, file_bytes));
  VLAQ_RETURN_IF_ERROR(CheckLength(array, length));
  if (array.dims().size() != 1) return array.Wrong(fmt::format("has the shape {}, not [T]", array.Shape()));
  return ReadTexts(array, heap);
}

// Names under which recorders keep the instruction, the surest first: the recorder's own, LeRobot's and robomimic's
// kin.
constexpr std::array<const char*, 8> kInstructionNames{
    "language_instruction", "instruction", "natural_language_instruction", "task_description", "language", "lang",
    "task_instruction",     "task"};

Result<std::string> ReadInstructionDataset(const Hdf5File& file, const char* name, uint64_t file_bytes,
                                           GlobalHeap& heap) {
  VLAQ_ASSIGN_OR_RETURN(Hdf5Array array, Hdf5Array::Open(file, name, file_bytes));
  if (array.count() != 1) return array.Wrong(fmt::format("has the shape {}, not [1]", array.Shape()));
  VLAQ_ASSIGN_OR_RETURN(std::vector<std::string> texts, ReadTexts(array, heap));
  if (!IsUtf8(texts.front())) return array.Wrong("is not UTF-8");
  return std::move(texts.front());
}

bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

// As it stands in the file: the recorder's dataset, or an attribute of one of the names; empty if it does not.
Result<std::string> ReadInstruction(const Hdf5File& file, uint64_t file_bytes, GlobalHeap& heap,
                                    const std::vector<std::pair<std::string, std::string>>& attributes) {
  if (Hdf5Array::Exists(file, kInstructionNames[0])) {
    VLAQ_ASSIGN_OR_RETURN(std::string text, ReadInstructionDataset(file, kInstructionNames[0], file_bytes, heap));
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

class Hdf5Episode final : public Episode {
 public:
  struct Content {
    fs::path path;
    ReadOptions options;
    std::vector<std::pair<std::string, std::string>> attributes;
    Actions actions;
    std::vector<std::string> events;
    std::string stored_instruction;
    std::string instruction;
    InstructionSource instruction_source = InstructionSource::kNone;
  };

  Hdf5Episode(Content content, Hdf5File file, Hdf5Images images)
      : content_(std::move(content)), file_(std::move(file)), images_(std::move(images)) {}

  const fs::path& path() const override { return content_.path; }
  int64_t length() const override { return images_.length(); }
  int width() const override { return images_.width(); }
  int height() const override { return images_.height(); }
  const std::string& instruction() const override { return content_.instruction; }
  InstructionSource instruction_source() const override { return content_.instruction_source; }
  const std::vector<std::pair<std::string, std::string>>& attributes() const override { return content_.attributes; }
  const std::vector<Command>& commands() const override { return content_.actions.commands; }
  int action_width() const override { return content_.actions.width; }
  const std::vector<std::string>& events() const override { return content_.events; }

  Result<image::Image> ReadFrame(int64_t t) const override;
  Result<std::string> ContentHash() const override;

 private:
  Result<std::span<const uint8_t>> Stored(int64_t t) const;

  Content content_;
  Hdf5File file_;
  mutable Hdf5Images images_;  // keeps the frames that were read last
};

Result<std::span<const uint8_t>> Hdf5Episode::Stored(int64_t t) const {
  if (t < 0 || t >= length()) {
    return UsageError(fmt::format("{} has no frame {}: it has {}", path().string(), t, length()));
  }
  auto bytes = images_.Read(static_cast<hsize_t>(t));
  if (!bytes.ok()) return Within(path().string(), bytes.error());
  return bytes;
}

Result<image::Image> Hdf5Episode::ReadFrame(int64_t t) const {
  VLAQ_ASSIGN_OR_RETURN(const auto bytes, Stored(t));
  image::Image frame{width(), height(), {bytes.begin(), bytes.end()}};
  if (content_.options.channel_order == image::ChannelOrder::kBgr) {
    for (size_t i = 0; i < frame.rgb.size(); i += 3) std::swap(frame.rgb[i], frame.rgb[i + 2]);
  }
  return frame;
}

Result<std::string> Hdf5Episode::ContentHash() const {
  Sha256 hash;
  hash.Update(
      AsBytes(fmt::format("vlaq.episode/1 {} {} {} {}\n", length(), height(), width(), content_.actions.width)));
  for (int64_t t = 0; t < length(); ++t) {
    VLAQ_ASSIGN_OR_RETURN(const auto bytes, Stored(t));
    hash.Update(std::as_bytes(bytes));
  }
  hash.Update(std::as_bytes(std::span(content_.actions.commands)));
  hash.Update(AsBytes(content_.stored_instruction));
  return hash.FinishHex();
}

void ChooseInstruction(Hdf5Episode::Content& content) {
  const auto take = [&](std::string text, InstructionSource source) {
    content.instruction = std::move(text);
    content.instruction_source = content.instruction.empty() ? InstructionSource::kNone : source;
  };
  if (!content.stored_instruction.empty()) {
    take(content.stored_instruction, InstructionSource::kFile);
  } else if (!content.options.default_instruction.empty()) {
    take(content.options.default_instruction, InstructionSource::kSetting);
  } else {
    take(InstructionFromName(content.path.filename().string()), InstructionSource::kFileName);
  }
}

Result<std::unique_ptr<Episode>> ReadAll(Hdf5Episode::Content content, Hdf5File file, uint64_t file_bytes) {
  if (auto foreign = RecognizeLayout(file)) return *foreign;
  VLAQ_ASSIGN_OR_RETURN(Hdf5Array images, Hdf5Array::Open(file, "images", file_bytes));
  VLAQ_ASSIGN_OR_RETURN(Hdf5Array actions, Hdf5Array::Open(file, "actions", file_bytes));
  if (!images.dims().empty() && images.dims()[0] > kMostSteps) {
    return images.Wrong(fmt::format("has {} frames, which is out of bounds", images.dims()[0]));
  }
  VLAQ_ASSIGN_OR_RETURN(Hdf5Images frames, Hdf5Images::Open(std::move(images)));
  VLAQ_ASSIGN_OR_RETURN(content.actions, ReadActions(std::move(actions), frames.length()));
  VLAQ_ASSIGN_OR_RETURN(GlobalHeap heap, OpenHeap(file, content.path));
  VLAQ_ASSIGN_OR_RETURN(content.events, ReadEvents(file, frames.length(), file_bytes, heap));
  VLAQ_ASSIGN_OR_RETURN(content.attributes, ReadAttributes(file.get(), heap));
  VLAQ_ASSIGN_OR_RETURN(content.stored_instruction, ReadInstruction(file, file_bytes, heap, content.attributes));
  ChooseInstruction(content);
  return std::unique_ptr<Episode>(
      std::make_unique<Hdf5Episode>(std::move(content), std::move(file), std::move(frames)));
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
  auto episode = ReadAll({path, options, {}, {}, {}, {}, {}, InstructionSource::kNone}, std::move(file), file_bytes);
  if (!episode.ok()) return Within(path.string(), episode.error());
  return episode;
}

}  // namespace vlaq::episode
