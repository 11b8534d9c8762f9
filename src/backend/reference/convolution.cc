#include <array>

#include "backend/reference/call.h"
#include "backend/reference/numbers.h"

namespace vlaq::backend {
namespace {

// The attributes of a 2-D convolution.
struct Geometry {
  std::array<int64_t, 2> strides{1, 1};
  std::array<int64_t, 2> dilations{1, 1};
  std::array<int64_t, 4> pads{0, 0, 0, 0};  // top, left, bottom, right
  int64_t groups = 1;
};

template <size_t kCount>
Status ReadPositive(const Call& call, const char* name, int64_t least, std::array<int64_t, kCount>& values) {
  const auto given = call.node().Ints(name);
  if (given.empty()) return {};
  if (given.size() != kCount) return Refuse(fmt::format("needs {} values of {}", kCount, name));
  for (size_t i = 0; i < kCount; ++i) {
    if (given[i] < least || given[i] > (int64_t{1} << 30U)) return Refuse(fmt::format("{} = {}", name, given[i]));
    values[i] = given[i];
  }
  return {};
}

Result<Geometry> ReadGeometry(const Call& call) {
  const std::string padding = call.node().String("auto_pad", "NOTSET");
  if (padding != "NOTSET" && padding != "VALID") return Refuse("auto_pad " + padding + " is not supported");
  Geometry geometry;
  VLAQ_RETURN_IF_ERROR(ReadPositive(call, "strides", 1, geometry.strides));
  VLAQ_RETURN_IF_ERROR(ReadPositive(call, "dilations", 1, geometry.dilations));
  if (padding == "NOTSET") VLAQ_RETURN_IF_ERROR(ReadPositive(call, "pads", 0, geometry.pads));
  geometry.groups = call.node().Int("group", 1);
  if (geometry.groups < 1) return Refuse("group must be positive");
  return geometry;
}

struct Planes {
  std::vector<double> values;  // [n, c, h, w] row-major
  int64_t n, c, h, w;

  explicit Planes(const Tensor& t)
      : values(ToDoubles(t)), n(t.shape()[0]), c(t.shape()[1]), h(t.shape()[2]), w(t.shape()[3]) {}
  double At(int64_t in, int64_t ic, int64_t ih, int64_t iw) const {
    return values[static_cast<size_t>(((in * c + ic) * h + ih) * w + iw)];
  }
};

// The sum for output position (y, x) of channel m of image n.
double Window(const Planes& image, const Planes& weight, const Geometry& g, int64_t n, int64_t m, int64_t y,
              int64_t x) {
  const int64_t first_channel = m / (weight.n / g.groups) * weight.c;
  double sum = 0;
  for (int64_t c = 0; c < weight.c; ++c) {
    for (int64_t i = 0; i < weight.h; ++i) {
      for (int64_t j = 0; j < weight.w; ++j) {
        const int64_t row = y * g.strides[0] - g.pads[0] + i * g.dilations[0];
        const int64_t column = x * g.strides[1] - g.pads[1] + j * g.dilations[1];
        if (row < 0 || row >= image.h || column < 0 || column >= image.w) continue;  // padding is zero
        sum += image.At(n, first_channel + c, row, column) * weight.At(m, c, i, j);
      }
    }
  }
  return sum;
}

Result<Tensors> Conv(const Call& call) {
  const Tensor& x = call.In(0);
  const Tensor& w = call.In(1);
  VLAQ_RETURN_IF_ERROR(ExpectReal(x));
  VLAQ_RETURN_IF_ERROR(ExpectReal(w));
  if (x.rank() != 4 || w.rank() != 4) return Refuse("only 2-D convolutions ([N, C, H, W]) are supported");
  VLAQ_ASSIGN_OR_RETURN(const Geometry g, ReadGeometry(call));
  const Planes image(x);
  const Planes weight(w);
  if (image.c != weight.c * g.groups || weight.n % g.groups != 0) {
    return Refuse(fmt::format("image {} and weight {} do not fit group {}", ShapeText(x.shape()), ShapeText(w.shape()),
                              g.groups));
  }
  std::vector<double> bias(static_cast<size_t>(weight.n), 0);
  if (const Tensor* b = call.Find(2)) {
    VLAQ_RETURN_IF_ERROR(ExpectReal(*b));
    if (b->size() != weight.n) return Refuse(fmt::format("bias has the shape {}", ShapeText(b->shape())));
    bias = ToDoubles(*b);
  }
  const int64_t room_h = image.h + g.pads[0] + g.pads[2] - (weight.h - 1) * g.dilations[0] - 1;
  const int64_t room_w = image.w + g.pads[1] + g.pads[3] - (weight.w - 1) * g.dilations[1] - 1;
  if (room_h < 0 || room_w < 0) return Refuse("the kernel is larger than the padded image");
  const int64_t h = room_h / g.strides[0] + 1;
  const int64_t width = room_w / g.strides[1] + 1;
  const Shape shape{image.n, weight.n, h, width};
  VLAQ_RETURN_IF_ERROR(NewTensor(DType::kF64, shape));
  std::vector<double> out;
  out.reserve(static_cast<size_t>(Product(shape, 0, 4)));
  for (int64_t n = 0; n < image.n; ++n) {
    for (int64_t m = 0; m < weight.n; ++m) {
      for (int64_t i = 0; i < h * width; ++i) {
        out.push_back(Window(image, weight, g, n, m, i / width, i % width) + bias[static_cast<size_t>(m)]);
      }
    }
  }
  return Tensors{FromDoubles(x.dtype(), shape, out)};
}

constexpr std::array kConvolutionOperators{Operator{"Conv", 2, 3, Conv}};

}  // namespace

std::span<const Operator> ConvolutionOperators() { return kConvolutionOperators; }

}  // namespace vlaq::backend
