#include "image/frames.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/file_kind.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "image/decode.h"
#include "image/picture_notes.h"

namespace vlaq::image {
namespace {

namespace fs = std::filesystem;

class PictureFiles : public FrameSource {
 public:
  PictureFiles(std::vector<fs::path> files, std::vector<std::string> passed_over)
      : files_(std::move(files)), passed_over_(std::move(passed_over)) {}

  size_t size() const override { return files_.size(); }

  Result<Frame> Read(size_t index) const override {
    VLAQ_ASSIGN_OR_RETURN(Image image, ReadImage(files_[index]));
    const auto owner = std::make_shared<const Image>(std::move(image));
    return Frame{.pixels = *owner, .name = files_[index].string(), .owner = owner};
  }

  Oddities FindOddities() const override {
    Oddities oddities{{}, passed_over_};
    for (const fs::path& path : files_) {
      const auto file = MappedFile::Open(path);
      if (!file.ok()) continue;  // Read() says why
      for (const std::string_view note : PictureNotes((*file)->bytes())) ++oddities.notes[note];
    }
    return oddities;
  }

 private:
  std::vector<fs::path> files_;
  std::vector<std::string> passed_over_;
};

class RecordedFrames : public FrameSource {
 public:
  RecordedFrames(Tensor tensor, std::string name) : tensor_(std::move(tensor)), name_(std::move(name)) {}

  size_t size() const override { return static_cast<size_t>(tensor_.shape()[0]); }

  Result<Frame> Read(size_t index) const override {
    const auto height = static_cast<int>(tensor_.shape()[1]);
    const auto width = static_cast<int>(tensor_.shape()[2]);
    const size_t bytes = static_cast<size_t>(height) * static_cast<size_t>(width) * 3;
    return Frame{.pixels = ImageView(width, height, tensor_.data<uint8_t>().subspan(index * bytes, bytes)),
                 .name = fmt::format("{}[{}]", name_, index),
                 .owner = std::make_shared<const Tensor>(tensor_)};
  }

 private:
  Tensor tensor_;
  std::string name_;
};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsPictureName(const fs::path& path) {
  constexpr std::array<std::string_view, 3> kExtensions = {".png", ".jpg", ".jpeg"};
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), Lower);
  return !path.filename().string().starts_with('.') &&
         std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

// Pictures that cannot be read are errors: without them, frames would stand side by side that are no neighbors.
Status CheckNoneIsLost(const fs::path& folder, const std::vector<fs::path>& others) {
  std::vector<std::string> lost;
  for (const fs::path& path : others) {
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) continue;
    const auto kind = RecognizeFile(path);
    if (kind && kind->is_picture) lost.push_back(fmt::format("{} ({})", path.filename().string(), kind->name));
  }
  if (lost.empty()) return {};
  const size_t count = lost.size();
  constexpr size_t kShown = 5;
  if (count > kShown) lost.resize(kShown);
  return InputError(folder.string(),
                    fmt::format("holds {} that cannot be read: {}{}", Counted(count, "frame"), fmt::join(lost, ", "),
                                count > kShown ? ", ..." : ""),
                    "convert them to PNG or JPEG, or name the pictures to use one by one");
}

Result<std::vector<fs::path>> PicturesIn(const fs::path& folder, std::vector<std::string>& passed_over) {
  std::vector<fs::path> found;
  std::vector<fs::path> others;
  std::error_code problem;
  for (fs::directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem)) {
    std::error_code unreadable;
    if (at->path().filename().string().starts_with('.')) continue;
    const bool is_picture = IsPictureName(at->path()) && at->is_regular_file(unreadable);
    (is_picture ? found : others).push_back(at->path());
  }
  if (problem) return InputError(folder.string(), "cannot list this folder: " + problem.message());
  std::sort(others.begin(), others.end());
  VLAQ_RETURN_IF_ERROR(CheckNoneIsLost(folder, others));
  if (found.empty()) {
    return InputError(folder.string(), "holds no .png, .jpg or .jpeg files", "give a folder of pictures");
  }
  for (const fs::path& path : others) passed_over.push_back(path.string());
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
    return NaturalLess(a.filename().string(), b.filename().string());
  });
  return found;
}

// What was meant by a name that is no file.
Error NoPicture(const fs::path& path) {
  const std::string name = path.string();
  std::error_code ignored;
  if (name == "-" || fs::is_fifo(path, ignored)) {
    return InputError(name, "frames are not read from a pipe",
                      "write them as pictures into a folder first, and name that folder");
  }
  if (name.starts_with("/dev/video") || fs::is_character_file(path, ignored)) {
    return InputError(
        name, "frames are not read from a camera",
        fmt::format("record some first, for instance: ffmpeg -i {} -frames:v 18 frames/%06d.png, and name "
                    "that folder",
                    name));
  }
  if (!fs::exists(path, ignored) && name.find_first_of("*?[") != std::string::npos) {
    return InputError(name, "is a pattern that no shell has resolved",
                      "leave out the quotation marks, or name the folder");
  }
  return InputError(name, "no such picture or folder");
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Cuts the run of digits off the front of `text` and returns it without leading zeros.
std::string_view TakeNumber(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), IsDigit);
  std::string_view number = text.substr(0, static_cast<size_t>(end - text.begin()));
  text.remove_prefix(number.size());
  number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
  return number;
}

}  // namespace

bool NaturalLess(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (IsDigit(a.front()) && IsDigit(b.front())) {
      const std::string_view number_a = TakeNumber(a);
      const std::string_view number_b = TakeNumber(b);
      if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
      if (number_a != number_b) return number_a < number_b;
    } else {
      if (a.front() != b.front()) return static_cast<unsigned char>(a.front()) < static_cast<unsigned char>(b.front());
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;
}

Result<std::unique_ptr<FrameSource>> OpenPictures(const std::vector<fs::path>& paths) {
  if (paths.empty()) return UsageError("no pictures given", "name picture files or a folder of them");
  std::vector<fs::path> files;
  std::vector<std::string> passed_over;
  for (const fs::path& path : paths) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
      VLAQ_ASSIGN_OR_RETURN(const std::vector<fs::path> inside, PicturesIn(path, passed_over));
      files.insert(files.end(), inside.begin(), inside.end());
    } else if (fs::is_regular_file(path, ignored)) {
      files.push_back(path);
    } else {
      return NoPicture(path);
    }
  }
  return std::unique_ptr<FrameSource>(std::make_unique<PictureFiles>(std::move(files), std::move(passed_over)));
}

Result<std::unique_ptr<FrameSource>> FramesOf(Tensor tensor, std::string name) {
  const Shape& shape = tensor.shape();
  if (tensor.dtype() != DType::kU8 || shape.size() != 4 || shape[3] != 3 || shape[0] < 1 ||
      !IsAllowedSize(shape[2], shape[1])) {
    return InputError(std::move(name),
                      fmt::format("{} {} is not a recording of frames, which is uint8 [T, height, width, 3]",
                                  DTypeName(tensor.dtype()), ShapeText(shape)));
  }
  return std::unique_ptr<FrameSource>(std::make_unique<RecordedFrames>(std::move(tensor), std::move(name)));
}

}  // namespace vlaq::image
