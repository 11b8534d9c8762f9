#include "image/libraries.h"

#include <png.h>

namespace vlaq::image {

std::vector<LibraryVersion> Libraries() {
  // TurboJPEG tells no version at run time; the build found this one.
  return {{"libjpeg-turbo", VLAQ_TURBOJPEG_VERSION, "JPEG frames"},
          {"libpng", ::png_get_libpng_ver(nullptr), "PNG frames"}};
}

}  // namespace vlaq::image
