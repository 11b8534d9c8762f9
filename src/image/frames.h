// Frames of an episode, one at a time, from pictures on disk or from a recorded tensor.
//
// In scope: which frames there are, in which order, and their pixels. Not aware of: resizing (image/preprocess.h), the
// file a tensor came from. Any thread may call Read().
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "image/image.h"
#include "tensor/tensor.h"

namespace vlaq::image {

struct Frame {
  ImageView pixels;                   // 8-bit, [height, width, 3]
  std::string name;                   // for messages: "episode/frame2.png", "frames.u8[3]"
  std::shared_ptr<const void> owner;  // keeps the bytes alive
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;
  // At least 1.
  virtual size_t size() const = 0;
  // Frame `index` < size(). Pictures are decoded by this call, and again by the next. Errors: kInput naming the file.
  virtual Result<Frame> Read(size_t index) const = 0;
  // True where a recording begins: what was seen before does not belong to it.
  virtual bool Begins(size_t index) const { return index == 0; }
  // What is said of the frames in their files and left aside when they are read, each with the number of frames, as the
  // rest of a sentence ("are animated, and only the first frame is taken"); and files of the folders that were passed
  // over because they are no pictures. Reads the files' beginnings.
  struct Oddities {
    std::map<std::string_view, size_t> notes;
    std::vector<std::string> passed_over;
  };
  virtual Oddities FindOddities() const { return {}; }
};

// Picture files and folders, in the order given. Of a folder: its .png, .jpg and .jpeg files (either case; not those
// that start with a dot), in natural order, without sub-folders. Errors: kInput if something does not exist or a folder
// holds no pictures; kUsage for an empty list.
Result<std::unique_ptr<FrameSource>> OpenPictures(const std::vector<std::filesystem::path>& paths);

// A recorded episode: uint8 [T, H, W, 3], T >= 1. `name` stands for it in messages. Errors: kInput for another type or
// shape.
Result<std::unique_ptr<FrameSource>> FramesOf(Tensor tensor, std::string name);

// True if `a` comes before `b` in natural order: runs of digits compare as numbers ("frame2" < "frame10"), all else by
// byte. A strict order of all strings: numbers that differ only in leading zeros fall back to comparing by byte.
bool NaturalLess(std::string_view a, std::string_view b);

}  // namespace vlaq::image
