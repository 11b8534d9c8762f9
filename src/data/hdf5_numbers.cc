#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "data/hdf5_episode.h"

namespace vlaq::data {
namespace {

constexpr uint64_t kMaxNumbers = uint64_t{1} << 26U;  // of one stream: 256 MiB

}  // namespace

Status CheckLength(const Hdf5Array& array, int64_t length) {
  if (!array.dims().empty() && array.dims()[0] == static_cast<hsize_t>(length)) return {};
  return array.Wrong(fmt::format("has the shape {}, but there are {} frames", array.Shape(), length));
}

Result<std::vector<std::byte>> ReadAs(Hdf5Array& array, hid_t type) {
  VLAQ_ASSIGN_OR_RETURN(std::vector<std::byte> numbers, array.ReadAll());
  const size_t bytes = H5Tget_size(type);
  numbers.resize(array.count() * std::max(H5Tget_size(array.type()), bytes));  // converted in place
  if (H5Tconvert(array.type(), type, array.count(), numbers.data(), nullptr, H5P_DEFAULT) < 0) {
    return Hdf5Error(fmt::format("dataset '{}'", array.name()), "convert its numbers");
  }
  numbers.resize(array.count() * bytes);
  return numbers;
}

Result<Tensor> ReadNumbers(Hdf5Array array, bool integers) {
  const size_t bytes = H5Tget_size(array.type());
  const H5T_class_t kind = H5Tget_class(array.type());
  const bool is_float = kind == H5T_FLOAT && (bytes == 4 || bytes == 8);
  if (!is_float && !(integers && kind == H5T_INTEGER)) {
    return array.Wrong(integers ? "holds no numbers" : "does not hold float32 or float64");
  }
  if (array.count() == 0 || array.count() > kMaxNumbers) {
    return array.Wrong(fmt::format("has the shape {}; 1 to {} numbers are read", array.Shape(), kMaxNumbers));
  }
  VLAQ_ASSIGN_OR_RETURN(const std::vector<std::byte> numbers, ReadAs(array, H5T_NATIVE_FLOAT));
  Tensor tensor = Tensor::Make(DType::kF32, Shape(array.dims().begin(), array.dims().end()));
  const auto values = tensor.mutable_data<float>();
  std::memcpy(values.data(), numbers.data(), values.size_bytes());
  const uint64_t row = array.count() / array.dims()[0];
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) return array.Wrong(fmt::format("step {} holds {}", i / row, values[i]));
  }
  return tensor;
}

}  // namespace vlaq::data
