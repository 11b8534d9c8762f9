// Several policies, each on its own thread, of one bundle: nothing that they share is written.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/random.h"
#include "vlaq/policy.h"

namespace vlaq {
namespace {

// The actions of an episode, one after the other.
std::vector<float> Drive(uint64_t seed) {
  PolicyOptions options;
  options.backend = "reference";
  auto policy = Policy::Open(VLAQ_TESTDATA "/bundles/schema1/text", options);
  if (!policy.ok()) return {};
  Random random(seed);
  std::vector<float> actions;
  for (int t = 0; t < 6; ++t) {
    Tensor picture = Tensor::Make(DType::kU8, {12, 16, 3});
    for (uint8_t& byte : picture.mutable_data<uint8_t>()) byte = static_cast<uint8_t>(random.Next() % 256);
    const auto action = policy->Act({{"observation.images.front", picture}});
    if (!action.ok()) return {};
    actions.insert(actions.end(), action->data<float>().begin(), action->data<float>().end());
  }
  return actions;
}

TEST(PolicyThreads, DoNotDisturbEachOther) {
  const std::vector<float> alone[] = {Drive(1), Drive(2)};
  ASSERT_FALSE(alone[0].empty());
  ASSERT_NE(alone[0], alone[1]);
  for (int round = 0; round < 3; ++round) {
    std::vector<float> beside[2];
    std::thread first([&] { beside[0] = Drive(1); });
    std::thread second([&] { beside[1] = Drive(2); });
    first.join();
    second.join();
    EXPECT_EQ(beside[0], alone[0]);
    EXPECT_EQ(beside[1], alone[1]);
  }
}

}  // namespace
}  // namespace vlaq
