#include "cli/frame_argument.h"

#include <fmt/format.h>

#include <filesystem>

#include "checkpoint/checkpoint.h"

namespace vlaq::cli {
namespace {

constexpr std::string_view kTensorMark = ".safetensors:";

Result<std::unique_ptr<image::FrameSource>> OpenTensor(const std::string& source) {
  const size_t at = source.find(kTensorMark) + kTensorMark.size();
  const std::filesystem::path path = source.substr(0, at - 1);
  const std::string name = source.substr(at);
  VLAQ_ASSIGN_OR_RETURN(const auto file, checkpoint::Checkpoint::Open(path));
  const checkpoint::Entry* entry = file->Find(name);
  if (entry == nullptr) {
    std::string known;
    for (const auto& e : file->entries()) known += (known.empty() ? "" : ", ") + e.name;
    return InputError(path.string(), fmt::format("holds no tensor '{}'", name), fmt::format("it holds {}", known));
  }
  return image::FramesOf(file->Read(*entry), source);
}

}  // namespace

Result<std::unique_ptr<image::FrameSource>> OpenFrames(const std::vector<std::string>& sources) {
  for (const std::string& source : sources) {
    if (source.find(kTensorMark) == std::string::npos) continue;
    if (sources.size() > 1) return UsageError("--frames takes one tensor, or pictures and folders, not both");
    return OpenTensor(source);
  }
  return image::OpenPictures({sources.begin(), sources.end()});
}

}  // namespace vlaq::cli
