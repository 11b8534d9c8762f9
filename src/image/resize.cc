#include "image/resize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/names.h"
#include "image/resample.h"

namespace vlaq::image {
namespace {

constexpr double kPi = 3.14159265358979323846;

double Box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double Bilinear(double x) { return std::max(0.0, 1.0 - std::fabs(x)); }

// Pillow writes these two numbers as floats, and 22 bits can see it.
double Hamming(double x) {
  constexpr double kOffset = static_cast<double>(0.54F);
  constexpr double kSwing = static_cast<double>(0.46F);
  x = std::fabs(x);
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  const double angle = x * kPi;
  return std::sin(angle) / angle * (kOffset + kSwing * std::cos(angle));
}

// Keys' cubic with a = -0.5.
double Bicubic(double x) {
  constexpr double kA = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * kA;
  return 0.0;
}

double Sinc(double x) { return x == 0.0 ? 1.0 : std::sin(x * kPi) / (x * kPi); }

double Lanczos(double x) { return x >= -3.0 && x < 3.0 ? Sinc(x) * Sinc(x / 3.0) : 0.0; }

struct FilterEntry {
  Filter value;
  std::string_view name;
  double support;  // half the width of the filter at scale 1, in source pixels
  double (*weight)(double);
};

constexpr std::array<FilterEntry, 6> kFilters = {{
    {Filter::kNearest, "nearest", 0.5, nullptr},
    {Filter::kBox, "box", 0.5, Box},
    {Filter::kBilinear, "bilinear", 1.0, Bilinear},
    {Filter::kHamming, "hamming", 1.0, Hamming},
    {Filter::kBicubic, "bicubic", 2.0, Bicubic},
    {Filter::kLanczos, "lanczos", 3.0, Lanczos},
}};

constexpr std::array kPassOrders = {Named{PassOrder::kHorizontalFirst, "horizontal_first"},
                                    Named{PassOrder::kPillow13, "pillow13"}};

const FilterEntry& EntryOf(Filter filter) { return kFilters[static_cast<size_t>(filter)]; }

int32_t ToFixed(double weight) {
  const double scaled = weight * (1 << kPrecisionBits);
  return static_cast<int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

bool BeginsVertically(const ImageView& source, int width, int height) {
  return source.height > height && source.height - height > 2 * (source.width - width);
}

}  // namespace

std::string_view PassOrderName(PassOrder order) { return NameIn(kPassOrders, order); }
std::optional<PassOrder> FindPassOrder(std::string_view name) { return FindIn(kPassOrders, name); }
std::vector<std::string> PassOrderNames() { return NamesIn(kPassOrders); }

std::string_view FilterName(Filter filter) { return EntryOf(filter).name; }
std::optional<Filter> FindFilter(std::string_view name) { return FindIn(kFilters, name); }
std::vector<std::string> FilterNames() { return NamesIn(kFilters); }

AxisWeights MakeAxisWeights(Filter filter, int in, int out) {
  const FilterEntry& entry = EntryOf(filter);
  const double scale = static_cast<double>(in) / out;
  const double filter_scale = std::max(scale, 1.0);
  const double support = entry.support * filter_scale;
  AxisWeights axis{.in = in, .out = out, .taps = static_cast<int>(std::ceil(support)) * 2 + 1};
  axis.first.reserve(static_cast<size_t>(out));
  axis.count.reserve(static_cast<size_t>(out));
  axis.weights.resize(static_cast<size_t>(out) * static_cast<size_t>(axis.taps));
  std::vector<double> row(static_cast<size_t>(axis.taps));
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(center - support + 0.5));
    const int count = std::min(in, static_cast<int>(center + support + 0.5)) - first;
    double sum = 0;
    for (int t = 0; t < count; ++t) {
      const double weight = entry.weight((t + first - center + 0.5) * (1.0 / filter_scale));
      row[static_cast<size_t>(t)] = weight;
      sum += weight;
    }
    int32_t* fixed = axis.weights.data() + static_cast<size_t>(i) * static_cast<size_t>(axis.taps);
    for (int t = 0; t < count; ++t) {
      const double weight = row[static_cast<size_t>(t)];
      fixed[t] = ToFixed(sum != 0.0 ? weight / sum : weight);
    }
    axis.first.push_back(first);
    axis.count.push_back(count);
  }
  return axis;
}

Status Resizer::Resize(const ImageView& source, Image& out) {
  if (!IsAllowedSize(width_, height_)) {
    return UsageError(fmt::format("cannot resize to {} x {} pixels", width_, height_),
                      fmt::format("sides are 1 to {}, the area at most {} pixels", kMaxSide, kMaxPixels));
  }
  if (!source.IsValid()) {
    return InputError("resize", fmt::format("{} bytes are not an RGB picture of {} x {} pixels", source.rgb.size(),
                                            source.width, source.height));
  }
  out.Reset(width_, height_);
  if (source.width == width_ && source.height == height_) {
    std::memcpy(out.rgb.data(), source.rgb.data(), source.rgb.size());
  } else if (filter_ == Filter::kNearest) {
    Nearest(source, out);
  } else {
    Prepare(source.width, source.height);
    if (source.height == height_) {
      Horizontal(source, out.rgb.data());
    } else if (source.width == width_) {
      Vertical(source, 0, out.rgb.data());
    } else if (order_ == PassOrder::kPillow13 && BeginsVertically(source, width_, height_)) {
      VerticalFirst(source, out.rgb.data());
    } else {
      HorizontalFirst(source, out.rgb.data());
    }
  }
  return {};
}

void Resizer::Prepare(int source_width, int source_height) {
  if (horizontal_.in != source_width) horizontal_ = MakeAxisWeights(filter_, source_width, width_);
  if (vertical_.in != source_height) vertical_ = MakeAxisWeights(filter_, source_height, height_);
}

// Pillow walks the source in steps that it adds up, and so do we: a product would round differently.
void Resizer::Nearest(const ImageView& source, Image& out) {
  const double step_x = static_cast<double>(source.width) / width_;
  const double step_y = static_cast<double>(source.height) / height_;
  uint8_t* to = out.rgb.data();
  double y = step_y * 0.5;
  for (int row = 0; row < height_; ++row, y += step_y) {
    const int from_y = std::min(static_cast<int>(y), source.height - 1);
    const uint8_t* from = source.rgb.data() + static_cast<ptrdiff_t>(from_y) * source.width * 3;
    double x = step_x * 0.5;
    for (int column = 0; column < width_; ++column, x += step_x, to += 3) {
      const int from_x = std::min(static_cast<int>(x), source.width - 1);
      std::memcpy(to, from + static_cast<ptrdiff_t>(from_x) * 3, 3);
    }
  }
}

void Resizer::Horizontal(const ImageView& source, uint8_t* out) {
  const Kernels& kernels = BestKernels();
  const size_t in_bytes = static_cast<size_t>(source.width) * 3;
  const uint8_t* row = source.rgb.data();
  for (int y = 0; y < source.height; ++y, row += in_bytes, out += static_cast<ptrdiff_t>(width_) * 3) {
    if (y + 1 < source.height) {
      kernels.horizontal(horizontal_, row, out);
    } else {  // the kernel reads a byte past the row: give it one
      last_row_.assign(row, row + in_bytes);
      last_row_.push_back(0);
      kernels.horizontal(horizontal_, last_row_.data(), out);
    }
  }
}

void Resizer::Vertical(const ImageView& source, int first_row, uint8_t* out) {
  const Kernels& kernels = BestKernels();
  const int bytes = source.width * 3;
  for (int y = 0; y < height_; ++y, out += bytes) {
    const auto at = static_cast<size_t>(y);
    const uint8_t* rows = source.rgb.data() + static_cast<ptrdiff_t>(vertical_.first[at] - first_row) * bytes;
    kernels.vertical(vertical_.weights.data() + at * static_cast<size_t>(vertical_.taps), vertical_.count[at], rows,
                     bytes, out);
  }
}

// Only the rows that the vertical pass will read are resized horizontally.
void Resizer::HorizontalFirst(const ImageView& source, uint8_t* out) {
  const int first_row = vertical_.first.front();
  const int rows = vertical_.first.back() + vertical_.count.back() - first_row;
  const size_t in_bytes = static_cast<size_t>(source.width) * 3;
  between_.resize(static_cast<size_t>(rows) * static_cast<size_t>(width_) * 3);
  const auto used = source.rgb.subspan(static_cast<size_t>(first_row) * in_bytes, static_cast<size_t>(rows) * in_bytes);
  Horizontal(ImageView(source.width, rows, used), between_.data());
  Vertical(ImageView(width_, rows, between_), first_row, out);
}

void Resizer::VerticalFirst(const ImageView& source, uint8_t* out) {
  between_.resize(static_cast<size_t>(height_) * static_cast<size_t>(source.width) * 3);
  Vertical(source, 0, between_.data());
  Horizontal(ImageView(source.width, height_, between_), out);
}

}  // namespace vlaq::image
