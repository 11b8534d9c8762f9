#include <png.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "image/codecs.h"

namespace vlaq::image {
namespace {

// What the callbacks of libpng see. No destructor: longjmp passes over it.
struct Input {
  const std::byte* data = nullptr;
  size_t size = 0;
  size_t position = 0;
  char message[160] = "unknown error";
};

[[noreturn]] void OnError(png_structp png, png_const_charp message) {
  auto* input = static_cast<Input*>(png_get_error_ptr(png));
  std::strncpy(input->message, message, sizeof(input->message) - 1);
  png_longjmp(png, 1);
}

// libpng warns about odd ancillary chunks (color profiles, text) that Pillow ignores as well.
void OnWarning(png_structp /*png*/, png_const_charp /*message*/) {}

void OnRead(png_structp png, png_bytep out, png_size_t count) {
  auto* input = static_cast<Input*>(png_get_io_ptr(png));
  if (count > input->size - input->position) png_error(png, "the file ends too early");
  std::memcpy(out, input->data + input->position, count);
  input->position += count;
}

struct Reader {
  explicit Reader(Input* input) : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, input, OnError, OnWarning)) {
    if (png != nullptr) info = png_create_info_struct(png);
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  png_structp png;
  png_infop info = nullptr;
};

// The functions below call libpng, which leaves them by longjmp on an error: they hold nothing that needs destroying.

bool ReadHeader(png_structp png, png_infop info, Input* input) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_user_limits(png, static_cast<png_uint_32>(kMaxSide), static_cast<png_uint_32>(kMaxSide));
  png_set_chunk_malloc_max(png, png_alloc_size_t{8} << 20);
  png_set_chunk_cache_max(png, 128);
  png_set_read_fn(png, input, OnRead);
  png_read_info(png, info);
  return true;
}

// How the rows come out of libpng, and so what is left for us to do.
enum class Rows {
  kRgb,      // 8-bit RGB: nothing
  kPalette,  // 8-bit indices: libpng would not check them
  kGray16,   // 16-bit gray, which Pillow (mode I;16) clips to 255; of other 16-bit samples it keeps the high byte
};

Rows RowsOf(png_structp png, png_infop info) {
  const int color = png_get_color_type(png, info);
  if (color == PNG_COLOR_TYPE_PALETTE) return Rows::kPalette;
  return color == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) == 16 ? Rows::kGray16 : Rows::kRgb;
}

size_t BytesPerPixel(Rows rows) {
  switch (rows) {
    case Rows::kRgb:
      return 3;
    case Rows::kPalette:
      return 1;
    case Rows::kGray16:
      return 2;
  }
  return 0;
}

// Asks for rows as RowsOf() says, without alpha.
bool AskForRows(png_structp png, png_infop info, Rows rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  const int color = png_get_color_type(png, info);
  png_set_interlace_handling(png);
  if (rows == Rows::kPalette) {
    png_set_packing(png);
  } else if (rows == Rows::kRgb) {
    png_set_strip_16(png);
    if (color == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
    if ((color & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
  }
  png_read_update_info(png, info);
  return true;
}

bool ReadRows(png_structp png, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_read_image(png, rows);
  png_read_end(png, nullptr);
  return true;
}

// Both functions below turn the samples at the start of a row into RGB in place, backwards, so that none is
// overwritten before it is read.

void ExpandWideGray(uint8_t* row, int width) {
  for (ptrdiff_t x = width - 1; x >= 0; --x) {
    const int sample = row[2 * x] << 8 | row[2 * x + 1];
    std::memset(row + 3 * x, std::min(sample, 255), 3);
  }
}

// False if an index lies beyond the palette: what such a pixel means differs from reader to reader.
bool ExpandPalette(std::span<const png_color> palette, uint8_t* row, int width) {
  for (ptrdiff_t x = width - 1; x >= 0; --x) {
    const size_t index = row[x];
    if (index >= palette.size()) return false;
    row[3 * x] = palette[index].red;
    row[3 * x + 1] = palette[index].green;
    row[3 * x + 2] = palette[index].blue;
  }
  return true;
}

std::span<const png_color> PaletteOf(const Reader& reader) {
  png_colorp palette = nullptr;
  int colors = 0;
  if (png_get_PLTE(reader.png, reader.info, &palette, &colors) == 0 || colors < 0) return {};
  return {palette, static_cast<size_t>(colors)};
}

Error Failed(const std::string& where, const Input& input) {
  return InputError(where + ": offset " + std::to_string(input.position),
                    std::string("not a whole PNG picture: ") + input.message, "copy or record the file again");
}

}  // namespace

Result<Image> DecodePng(Bytes bytes, const std::string& where, int max_side) {
  Input input{.data = bytes.data(), .size = bytes.size()};
  Reader reader(&input);
  if (reader.png == nullptr || reader.info == nullptr) return InternalError(where, "libpng gave no decoder");
  if (!ReadHeader(reader.png, reader.info, &input)) return Failed(where, input);
  const int64_t width = png_get_image_width(reader.png, reader.info);
  const int64_t height = png_get_image_height(reader.png, reader.info);
  VLAQ_RETURN_IF_ERROR(CheckSize(where, width, height, max_side));
  const Rows kind = RowsOf(reader.png, reader.info);
  if (!AskForRows(reader.png, reader.info, kind)) return Failed(where, input);
  if (png_get_rowbytes(reader.png, reader.info) != static_cast<size_t>(width) * BytesPerPixel(kind)) {
    return InternalError(where, "libpng gives other rows than those asked for");
  }
  Image image;
  image.Reset(static_cast<int>(width), static_cast<int>(height));
  std::vector<png_bytep> rows(static_cast<size_t>(height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = image.rgb.data() + y * static_cast<size_t>(width) * 3;
  if (!ReadRows(reader.png, rows.data())) return Failed(where, input);
  for (png_bytep row : rows) {
    if (kind == Rows::kGray16) ExpandWideGray(row, image.width);
    if (kind == Rows::kPalette && !ExpandPalette(PaletteOf(reader), row, image.width)) {
      return InputError(where, "a pixel names a color beyond the end of the palette");
    }
  }
  return image;
}

}  // namespace vlaq::image
