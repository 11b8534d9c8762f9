#include <png.h>

#include "image/encode.h"

namespace vlaq::image {

Result<std::string> EncodePng(const ImageView& picture) {
  if (!picture.IsValid()) return UsageError("this is no picture: its size is not allowed, or its pixels are too few");
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(picture.width);
  header.height = static_cast<png_uint_32>(picture.height);
  header.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::string bytes(size, '\0');
  if (png_image_write_to_memory(&header, bytes.data(), &size, 0, picture.rgb.data(), 0, nullptr) == 0) {
    return InternalError("libpng", static_cast<const char*>(header.message));
  }
  bytes.resize(size);
  return bytes;
}

Status WritePng(const std::filesystem::path& path, const ImageView& picture, Existing existing) {
  VLAQ_ASSIGN_OR_RETURN(const std::string bytes, EncodePng(picture));
  return WriteFile(path, bytes, existing);
}

}  // namespace vlaq::image
