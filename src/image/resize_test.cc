#include "image/resize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "base/random.h"
#include "image/resample.h"
#include "image/testing.h"

namespace vlaq::image {
namespace {

constexpr std::array kFilters = {Filter::kNearest, Filter::kBox,     Filter::kBilinear,
                                 Filter::kHamming, Filter::kBicubic, Filter::kLanczos};

Image Resized(Filter filter, const Image& source, int width, int height) {
  Resizer resizer(filter, width, height);
  Image out;
  const Status status = resizer.Resize(source, out);
  EXPECT_TRUE(status.ok());
  return out;
}

TEST(Filter, NamesGoBothWays) {
  for (const Filter filter : kFilters) EXPECT_EQ(FindFilter(FilterName(filter)), filter);
  EXPECT_EQ(FindFilter("Bicubic"), std::nullopt);
  EXPECT_EQ(FilterName(Filter::kLanczos), "lanczos");
  for (const auto order : {PassOrder::kHorizontalFirst, PassOrder::kPillow13}) {
    EXPECT_EQ(FindPassOrder(PassOrderName(order)), order);
  }
  EXPECT_EQ(FindPassOrder(""), std::nullopt);
}

// Every line of resize.txt: the bytes that Pillow gives, by their hash, in both pass orders.
TEST(Resize, EqualsPillowToTheLastBit) {
  std::ifstream file(Fixture("resize.txt"));
  std::string line;
  int cases = 0;
  int differing = 0;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string pattern;
    std::string filter;
    std::array<std::string, 2> hashes;
    uint32_t seed = 0;
    std::array<int, 4> sizes{};
    fields >> pattern >> seed >> sizes[0] >> sizes[1] >> filter >> sizes[2] >> sizes[3] >> hashes[0] >> hashes[1];
    ASSERT_TRUE(FindFilter(filter).has_value()) << line;
    const Image source = Pattern(pattern, seed, sizes[0], sizes[1]);
    for (const PassOrder order : {PassOrder::kHorizontalFirst, PassOrder::kPillow13}) {
      Resizer resizer(*FindFilter(filter), sizes[2], sizes[3], order);
      Image out;
      ASSERT_TRUE(resizer.Resize(source, out).ok());
      EXPECT_EQ(Sha256Hex(std::as_bytes(std::span(out.rgb))), hashes[static_cast<size_t>(order)])
          << PassOrderName(order) << ": " << line;
    }
    differing += hashes[0] == hashes[1] ? 0 : 1;
    ++cases;
  }
  EXPECT_EQ(cases, 222);
  EXPECT_GE(differing, 20) << "the fixtures do not tell the pass orders apart";
}

TEST(Resize, EqualsPillowInFull) {
  for (const Filter filter : kFilters) {
    const std::string name = "resize_" + std::string(FilterName(filter)) + ".ppm";
    EXPECT_EQ(Resized(filter, Pattern("noise", 0, 37, 23), 16, 16).rgb, ReadPpm(Fixture(name)).rgb) << name;
  }
}

TEST(Resize, ConstantPicturesStayConstant) {
  Random random(1);
  for (const Filter filter : kFilters) {
    for (int round = 0; round < 20; ++round) {
      const auto side = [&] { return 1 + static_cast<int>(random.Below(90)); };
      Image source;
      source.Reset(side(), side());
      const auto value = static_cast<uint8_t>(random.Below(256));
      std::fill(source.rgb.begin(), source.rgb.end(), value);
      EXPECT_THAT(Resized(filter, source, side(), side()).rgb, ::testing::Each(value)) << FilterName(filter);
    }
  }
}

TEST(Resize, SameSizeIsACopy) {
  const Image source = Pattern("noise", 5, 31, 17);
  for (const Filter filter : kFilters) EXPECT_EQ(Resized(filter, source, 31, 17).rgb, source.rgb);
}

// The textbook definition of the continuous filters, written down once more.
double Weight(Filter filter, double x) {
  x = std::abs(x);
  const auto sinc = [](double t) { return t == 0 ? 1.0 : std::sin(M_PI * t) / (M_PI * t); };
  if (filter == Filter::kBilinear) return x < 1 ? 1 - x : 0;
  if (filter == Filter::kLanczos) return x < 3 ? sinc(x) * sinc(x / 3) : 0;
  if (x < 1) return 1.5 * x * x * x - 2.5 * x * x + 1;
  return x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2 : 0;
}

// One value at a time, from all source pixels, in double and rounded only at the end.
double SlowValue(Filter filter, const Image& source, int width, int height, int x, int y, int channel) {
  const double scale_x = double{1} * source.width / width;
  const double scale_y = double{1} * source.height / height;
  double sum = 0;
  double total = 0;
  for (int j = 0; j < source.height; ++j) {
    const double wy = Weight(filter, (j + 0.5 - (y + 0.5) * scale_y) / std::max(1.0, scale_y));
    if (wy == 0) continue;
    for (int i = 0; i < source.width; ++i) {
      const double w = wy * Weight(filter, (i + 0.5 - (x + 0.5) * scale_x) / std::max(1.0, scale_x));
      sum += w * source.rgb[static_cast<size_t>((j * source.width + i) * 3 + channel)];
      total += w;
    }
  }
  return sum / total;
}

// Smooth pictures, so that clipping between the passes (which the twin does not do) plays no part.
TEST(Resize, SlowTwinAgreesWithinOneLevel) {
  for (const Filter filter : {Filter::kBilinear, Filter::kBicubic, Filter::kLanczos}) {
    for (const auto& [width, height] : {std::pair{16, 12}, std::pair{41, 50}, std::pair{7, 60}}) {
      Image source;
      source.Reset(33, 27);
      for (int i = 0; i < 33 * 27; ++i) {
        for (int c = 0; c < 3; ++c) {
          const int row = i / 33;
          const double wave = std::sin(i % 33 * 0.2 + c) + std::cos(row * 0.3);
          source.rgb[static_cast<size_t>(3 * i + c)] = static_cast<uint8_t>(128 + 40 * wave);
        }
      }
      const Image out = Resized(filter, source, width, height);
      double worst = 0;
      for (int i = 0; i < width * height * 3; ++i) {
        const double slow = SlowValue(filter, source, width, height, i / 3 % width, i / 3 / width, i % 3);
        worst = std::max(worst, std::abs(std::round(slow) - out.rgb[static_cast<size_t>(i)]));
      }
      EXPECT_LE(worst, 1) << FilterName(filter) << " " << width << " x " << height;
    }
  }
}

TEST(Resize, KernelsAgree) {
  Random random(3);
  for (int round = 0; round < 60; ++round) {
    const auto side = [&] { return 1 + static_cast<int>(random.Below(120)); };
    const Filter filter = kFilters[1 + random.Below(kFilters.size() - 1)];
    const AxisWeights axis = MakeAxisWeights(filter, side(), side());
    Image row = Pattern("extreme", static_cast<uint32_t>(round), axis.in + 1, 1);
    std::vector<uint8_t> plain(static_cast<size_t>(axis.out) * 3);
    std::vector<uint8_t> best = plain;
    PlainKernels().horizontal(axis, row.rgb.data(), plain.data());
    BestKernels().horizontal(axis, row.rgb.data(), best.data());
    EXPECT_EQ(plain, best);

    const int bytes = 3 * side();
    const Image rows = Pattern("extreme", static_cast<uint32_t>(round), bytes / 3, axis.in);
    plain.assign(static_cast<size_t>(bytes), 0);
    best = plain;
    const size_t at = random.Below(static_cast<uint64_t>(axis.out));
    const int32_t* weights = axis.weights.data() + at * static_cast<size_t>(axis.taps);
    const uint8_t* first = rows.rgb.data() + static_cast<ptrdiff_t>(axis.first[at]) * bytes;
    PlainKernels().vertical(weights, axis.count[at], first, bytes, plain.data());
    BestKernels().vertical(weights, axis.count[at], first, bytes, best.data());
    EXPECT_EQ(plain, best);
  }
}

TEST(Resize, OneResizerServesManySourceSizes) {
  Resizer resizer(Filter::kBicubic, 20, 30);
  Image out;
  for (const auto& [width, height] : {std::pair{64, 48}, std::pair{10, 10}, std::pair{20, 48}, std::pair{64, 48}}) {
    const Image source = Pattern("noise", 8, width, height);
    ASSERT_TRUE(resizer.Resize(source, out).ok());
    EXPECT_EQ(out.rgb, Resized(Filter::kBicubic, source, 20, 30).rgb) << width << " x " << height;
  }
}

TEST(Resize, RefusesWhatIsNoPicture) {
  Image out;
  const Image source = Pattern("noise", 1, 4, 4);
  for (const auto& [width, height] :
       {std::pair{0, 4}, std::pair{-3, 4}, std::pair{70000, 4}, std::pair{20000, 20000}}) {
    const Status status = Resizer(Filter::kBox, width, height).Resize(source, out);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  }
  const std::array<uint8_t, 11> bytes{};
  const Status status = Resizer(Filter::kBox, 2, 2).Resize(ImageView(2, 2, bytes), out);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kInput);
}

}  // namespace
}  // namespace vlaq::image
