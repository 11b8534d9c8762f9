// Pictures for the tests of this module: the fixtures' formulas, PPM files, and a slow obvious resizer.
#pragma once

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include "image/image.h"

namespace vlaq::image {

inline std::string Fixture(const std::string& name) { return std::string(VLAQ_TESTDATA) + "/image/" + name; }

inline std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A binary PPM file as make_fixtures.py writes it; an empty image if it cannot be read.
inline Image ReadPpm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  int width = 0;
  int height = 0;
  int top = 0;
  Image image;
  if (!(file >> magic >> width >> height >> top) || magic != "P6" || top != 255) return image;
  file.get();
  image.Reset(width, height);
  file.read(reinterpret_cast<char*>(image.rgb.data()), static_cast<std::streamsize>(image.rgb.size()));
  return file ? image : Image{};
}

// The formulas of make_fixtures.py.
inline Image Pattern(const std::string& name, uint32_t seed, int width, int height) {
  Image image;
  image.Reset(width, height);
  for (uint32_t i = 0; i < image.rgb.size(); ++i) {
    uint32_t x = i * 2654435761U + seed;
    x ^= x >> 15U;
    x *= 0x2C1B3C6DU;
    x ^= x >> 12U;
    uint32_t value = x & 255U;
    if (name == "extreme") value = (x & 1U) * 255U;
    if (name == "smooth") value = (i / 3U % static_cast<uint32_t>(width) + (x & 31U)) & 255U;
    image.rgb[i] = static_cast<uint8_t>(value);
  }
  return image;
}

}  // namespace vlaq::image
