#include <turbojpeg.h>

#include <memory>

#include "image/codecs.h"

namespace vlaq::image {
namespace {

struct Destroy {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Decompressor = std::unique_ptr<void, Destroy>;

// Warnings (a truncated scan, a corrupt Huffman code) stop the decoder, and a progressive file may not make it work
// through an absurd number of scans.
constexpr int kFlags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;

Error Failed(const std::string& where, const Decompressor& decompressor) {
  return InputError(where, std::string("not a whole JPEG picture: ") + tjGetErrorStr2(decompressor.get()),
                    "copy or record the file again");
}

}  // namespace

Result<Image> DecodeJpeg(Bytes bytes, const std::string& where, int max_side) {
  const Decompressor decompressor(tjInitDecompress());
  if (!decompressor) return InternalError(where, "libjpeg-turbo gave no decoder");
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto size = static_cast<unsigned long>(bytes.size());
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int colour_space = 0;
  if (tjDecompressHeader3(decompressor.get(), data, size, &width, &height, &subsampling, &colour_space) != 0) {
    return Failed(where, decompressor);
  }
  VLAQ_RETURN_IF_ERROR(CheckSize(where, width, height, max_side));
  if (colour_space == TJCS_CMYK || colour_space == TJCS_YCCK) {
    return InputError(where, "a CMYK JPEG, which has no certain RGB meaning", "convert it to RGB first");
  }
  Image image;
  image.Reset(width, height);
  if (tjDecompress2(decompressor.get(), data, size, image.rgb.data(), width, 0, height, TJPF_RGB, kFlags) != 0) {
    return Failed(where, decompressor);
  }
  return image;
}

}  // namespace vlaq::image
