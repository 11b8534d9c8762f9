// The Mobile VLA recorder's datasets as streams.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "data/hdf5_episode.h"
#include "data/hdf5_text.h"
#include "data/recorder.h"

namespace vlaq::data {
namespace {

Result<Tensor> ReadActions(Hdf5Array array, int64_t length) {
  VLAQ_RETURN_IF_ERROR(CheckLength(array, length));
  const auto& dims = array.dims();
  if (dims.size() != 2 || (dims[1] != 2 && dims[1] != 3)) {
    return array.Wrong(fmt::format("has the shape {}; commands are [T, 3] ({}, {}, {}) or [T, 2]", array.Shape(),
                                   kRecorder.actions[0].name, kRecorder.actions[1].name, kRecorder.actions[2].name));
  }
  return ReadNumbers(std::move(array), false);
}

// [T, 2] with a third value of 0.
Tensor Widened(const Tensor& actions) {
  constexpr int64_t kWidth = kRecorder.actions.size();
  Tensor wide = Tensor::Make(DType::kF32, {actions.shape()[0], kWidth});
  const auto from = actions.data<float>();
  const auto to = wide.mutable_data<float>();
  const auto given = static_cast<size_t>(actions.shape()[1]);
  std::fill(to.begin(), to.end(), 0.0F);
  for (size_t i = 0; i < from.size(); ++i) to[i / given * kWidth + i % given] = from[i];
  return wide;
}

Result<std::vector<std::string>> ReadEvents(const Hdf5Source& source, int64_t length) {
  constexpr const char* kName = "action_event_types";
  if (!Hdf5Array::Exists(source.file, kName)) return std::vector<std::string>();
  VLAQ_ASSIGN_OR_RETURN(Hdf5Array array, Hdf5Array::Open(source.file, kName, source.file_bytes));
  VLAQ_RETURN_IF_ERROR(CheckLength(array, length));
  if (array.dims().size() != 1) return array.Wrong(fmt::format("has the shape {}, not [T]", array.Shape()));
  return ReadTexts(array, source.heap);
}

// Steps a second by what the recorder noted, if it did: a duration, which may be of T or of T - 1 intervals.
std::optional<StatedRate> RecorderRate(const Hdf5Content& content) {
  for (const auto& [name, text] : content.attributes) {
    if (name != "total_duration") continue;
    double seconds = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (parsed.ec != std::errc() || !std::isfinite(seconds) || seconds <= 0) return std::nullopt;
    StatedRate rate{.hz = static_cast<double>(content.length) / seconds, .place = "attribute 'total_duration'"};
    rate.tolerance += 1 / static_cast<double>(content.length);
    return rate;
  }
  return std::nullopt;
}

}  // namespace

Status ReadRecorderLayout(const Hdf5Source& source, Hdf5Content& content) {
  VLAQ_ASSIGN_OR_RETURN(Hdf5Array images, Hdf5Array::Open(source.file, "images", source.file_bytes));
  VLAQ_ASSIGN_OR_RETURN(Hdf5Array actions, Hdf5Array::Open(source.file, "actions", source.file_bytes));
  VLAQ_ASSIGN_OR_RETURN(Hdf5Images frames, Hdf5Images::Open(std::move(images)));
  content.length = frames.length();
  VLAQ_ASSIGN_OR_RETURN(Tensor commands, ReadActions(std::move(actions), content.length));
  VLAQ_ASSIGN_OR_RETURN(content.events, ReadEvents(source, content.length));
  const int64_t width = commands.shape()[1];
  content.hash_header =
      fmt::format("vlaq.episode/1 {} {} {} {}\n", content.length, frames.height(), frames.width(), width);
  content.stated_rate = RecorderRate(content);
  Stream camera{
      .name = std::string(kRecorder.camera), .dtype = DType::kU8, .shape = {frames.height(), frames.width(), 3}};
  constexpr int64_t kWidth = kRecorder.actions.size();
  Stream action{.name = std::string(kAction), .shape = {kWidth}, .filled = kWidth - width};
  for (const RecorderAction& value : kRecorder.actions) {
    action.names.emplace_back(value.name);
    action.units.emplace_back(value.unit);
  }
  content.streams = {std::move(camera), std::move(action)};
  content.pictures.push_back(std::move(frames));
  content.numbers.push_back(width == kWidth ? std::move(commands) : Widened(commands));
  return {};
}

}  // namespace vlaq::data
