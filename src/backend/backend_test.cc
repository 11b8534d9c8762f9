#include "backend/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlaq::backend {
namespace {

using ::testing::HasSubstr;

const std::vector<Port> kPorts{{"x", DType::kF32, {-1, 3}, {"batch", ""}}, {"n", DType::kI64, {}, {}}};

TEST(CheckInputs, AcceptsWhatFits) {
  EXPECT_TRUE(CheckInputs(kPorts, {{"x", Tensor::Make(DType::kF32, {7, 3})}, {"n", Tensor::Scalar<int64_t>(1)}}).ok());
}

TEST(CheckInputs, NamesTheInputThatDoesNotFit) {
  const Tensor x = Tensor::Make(DType::kF32, {7, 3});
  const Tensor n = Tensor::Scalar<int64_t>(1);
  const auto message = [](const NamedTensors& inputs) {
    const Status status = CheckInputs(kPorts, inputs);
    return status.ok() ? "ok" : status.error().ToString();
  };
  EXPECT_THAT(message({{"x", x}}), HasSubstr("input 'n' is missing"));
  EXPECT_THAT(message({{"x", x}, {"n", n}, {"y", x}}), HasSubstr("no input named 'y'"));
  EXPECT_THAT(message({{"x", n}, {"n", n}}), HasSubstr("input 'x' must be float32, not int64"));
  EXPECT_THAT(message({{"x", Tensor::Make(DType::kF32, {7, 4})}, {"n", n}}),
              HasSubstr("[-1, 3] (-1: any), not [7, 4]"));
  EXPECT_THAT(message({{"x", Tensor::Make(DType::kF32, {3})}, {"n", n}}), HasSubstr("[3]"));
}

}  // namespace
}  // namespace vlaq::backend
