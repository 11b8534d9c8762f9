#include "quantize/numerics/smooth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace vlaq::numerics {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

TEST(WeightRowAbsmax, IsOfAllReaders) {
  const std::vector<Tensor> weights{Tensor::From<float>({2, 2}, std::vector<float>{1, -3, 0, 0.5F}),
                                    Tensor::From<float>({2, 1}, std::vector<float>{2, -4})};
  EXPECT_THAT(*WeightRowAbsmax(weights), ElementsAre(3, 4));
  EXPECT_TRUE(WeightRowAbsmax({})->empty());
  const std::vector<Tensor> uneven{weights[0], Tensor::Make(DType::kF32, {3, 1})};
  EXPECT_THAT(WeightRowAbsmax(uneven).error().ToString(), HasSubstr("2 and 3 rows"));
}

TEST(SmoothingFactors, BySmallHand) {
  const std::vector<float> activation{4, 0, 9, 1e-20F}, rows{1, 2, 0, 1e20F};
  EXPECT_THAT(SmoothingFactors(activation, rows, 0.5), ElementsAre(2, 1, 1, FloatEq(1e-5F)));
  EXPECT_THAT(SmoothingFactors(activation, rows, 1), ElementsAre(4, 1, 1, FloatEq(1e-5F)));
  EXPECT_THAT(SmoothingFactors(std::vector<float>{4}, std::vector<float>{8}, 0), ElementsAre(FloatEq(1.0F / 8)));
}

// An activation some of whose channels are far larger than the others, and what reads it.
struct Layer {
  static constexpr size_t kSamples = 256, kChannels = 64, kOutputs = 48;
  std::vector<float> x;  // [samples, channels]
  Tensor weight;         // [channels, outputs]

  Layer(uint64_t seed, double outlier) {
    Random random(seed);
    x.resize(kSamples * kChannels);
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<float>(random.Normal() * (i % kChannels % 16 == 3 ? outlier : 1));
    }
    weight = Tensor::Make(DType::kF32, {kChannels, kOutputs});
    for (float& w : weight.mutable_data<float>()) w = static_cast<float>(0.05 * random.Normal());
  }

  SmoothedActivation Seen() const {
    SmoothedActivation seen{std::vector<float>(kChannels, 0), 0};
    double squares = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      seen.absmax[i % kChannels] = std::max(seen.absmax[i % kChannels], std::fabs(x[i]));
      squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    }
    seen.rms = std::sqrt(squares / static_cast<double>(x.size()));
    return seen;
  }

  // Mean square of the real error of one row of X W, summed up over the outputs, with int8 for both.
  double RealError(const std::vector<float>& factors) const {
    const auto w = weight.data<float>();
    double x_most = 0;
    std::vector<double> w_most(kOutputs, 0);
    for (size_t i = 0; i < x.size(); ++i) {
      x_most = std::max(x_most, std::fabs(static_cast<double>(x[i] / factors[i % kChannels])));
    }
    for (size_t i = 0; i < w.size(); ++i) {
      w_most[i % kOutputs] =
          std::max(w_most[i % kOutputs], std::fabs(static_cast<double>(w[i] * factors[i / kOutputs])));
    }
    const auto rounded = [](double value, double most) { return std::nearbyint(value / most * 127) * most / 127; };
    double sum = 0;
    for (size_t s = 0; s < kSamples; ++s) {
      for (size_t n = 0; n < kOutputs; ++n) {
        double exact = 0, actual = 0;
        for (size_t j = 0; j < kChannels; ++j) {
          const auto a = static_cast<double>(x[s * kChannels + j]), b = static_cast<double>(w[j * kOutputs + n]);
          const auto f = static_cast<double>(factors[j]);
          exact += a * b;
          actual += rounded(a / f, x_most) * rounded(b * f, w_most[n]);
        }
        sum += (actual - exact) * (actual - exact);
      }
    }
    return sum / kSamples;
  }
};

TEST(EstimateSmoothing, ForeseesTheRealError) {
  for (const double outlier : {1.0, 10.0, 100.0}) {
    const Layer layer(3, outlier);
    const std::vector<Tensor> weights{layer.weight};
    const auto rows = WeightRowAbsmax(weights);
    for (const double alpha : {0.0, 0.25, 0.5, 0.75, 1.0}) {
      const auto factors = SmoothingFactors(layer.Seen().absmax, *rows, alpha);
      const double estimate = EstimateSmoothing(layer.Seen(), weights, factors)->total();
      EXPECT_NEAR(estimate / layer.RealError(factors), 1, 0.2) << outlier << ", alpha " << alpha;
    }
  }
}

TEST(BestAlpha, IsAboutTheBestInReality) {
  for (const uint64_t seed : {1U, 2U}) {
    for (const double outlier : {1.0, 5.0, 50.0}) {
      const Layer layer(seed, outlier);
      const std::vector<Tensor> weights{layer.weight};
      const auto choice = BestAlpha(layer.Seen(), weights);
      ASSERT_TRUE(choice.ok());
      const auto rows = WeightRowAbsmax(weights);
      const auto real = [&](double alpha) {
        return layer.RealError(SmoothingFactors(layer.Seen().absmax, *rows, alpha));
      };
      double least = real(0);
      for (int i = 1; i <= 10; ++i) least = std::min(least, real(i / 10.0));
      EXPECT_LE(real(choice->alpha), 1.1 * least) << outlier << ": alpha " << choice->alpha;
      if (outlier > 1) {
        EXPECT_LT(choice->error.total(), choice->before.total() / 2) << outlier;
      }
    }
  }
}

// Two readers weigh as much as one with all their columns.
TEST(EstimateSmoothing, AddsUpOverReaders) {
  const Layer layer(5, 10);
  const std::vector<float> factors(Layer::kChannels, 2);
  const auto one = EstimateSmoothing(layer.Seen(), std::vector<Tensor>{layer.weight}, factors);
  const auto two = EstimateSmoothing(layer.Seen(), std::vector<Tensor>{layer.weight, layer.weight}, factors);
  EXPECT_DOUBLE_EQ(two->of_activation, 2 * one->of_activation);
  EXPECT_DOUBLE_EQ(two->of_weights, 2 * one->of_weights);
}

TEST(EstimateSmoothing, RefusesOtherLengths) {
  const Layer layer(6, 1);
  const std::vector<Tensor> weights{layer.weight};
  EXPECT_THAT(EstimateSmoothing(layer.Seen(), weights, std::vector<float>(3, 1)).error().ToString(),
              HasSubstr("64 channels, but there are 3 factors"));
  SmoothedActivation other = layer.Seen();
  other.absmax.resize(10);
  EXPECT_THAT(BestAlpha(other, weights).error().ToString(), HasSubstr("64 rows"));
}

TEST(BestAlpha, OfDeadActivations) {
  const Layer layer(7, 1);
  const SmoothedActivation dead{std::vector<float>(Layer::kChannels, 0), 0};
  EXPECT_EQ(BestAlpha(dead, std::vector<Tensor>{layer.weight})->error.total(), 0);
  EXPECT_THAT(SmoothingFactors(dead.absmax, std::vector<float>(Layer::kChannels, 1), 0.5), Each(1));
}

}  // namespace
}  // namespace vlaq::numerics
