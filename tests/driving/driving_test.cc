// The trained policy of this repository through vlaq: the actions PyTorch gives for it over whole held-out episodes,
// and twenty episodes in the simulator. The big runs are script/driving's; docs/driving.md has their results.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "backend/onnxruntime/onnxruntime.h"
#include "base/json.h"
#include "base/testing.h"
#include "checkpoint/checkpoint.h"
#include "episode/episode_set.h"
#include "evaluation/open_loop.h"
#include "evaluation/policy_driver.h"
#include "evaluation/rollout.h"
#include "evaluation/summary.h"
#include "export/export.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using evaluation::Condition;

const fs::path kModel = VLAQ_MODEL;

// Exported once for all tests of this program.
class DrivingTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    exporting::ExportOptions options;
    options.checkpoint = kModel / "best_mini_mobile_vla.pth";
    options.output = folder_->path() / "bundle";
    options.settings.config = kModel / "config.json";
    options.settings.policy = kModel / "policy.json";
    options.settings.tokenizer = kModel / "sentencepiece.bpe.model";
    options.settings.task = "go left of the box to the bottle";
    const auto report = exporting::Export(options, SilentLog());
    ASSERT_TRUE(report.ok()) << report.error().ToString();
    backend_ = backend::MakeOnnxRuntimeBackend().release();
    auto drivers = evaluation::PolicyDriverFactory::Open(report->bundle, *backend_, {.threads = 1});
    ASSERT_TRUE(drivers.ok()) << drivers.error().ToString();
    drivers_ = drivers->release();
  }
  static void TearDownTestSuite() {
    delete drivers_;
    delete backend_;
    delete folder_;
  }

  static evaluation::Summary RollOut(Condition condition) {
    evaluation::RolloutOptions options;
    options.first_seed = 7'000'000;
    options.episodes = 20;
    options.condition = condition;
    options.threads = 2;
    const auto outcomes = evaluation::RollOut(*drivers_, options, SilentLog());
    EXPECT_TRUE(outcomes.ok()) << (outcomes.ok() ? "" : outcomes.error().ToString());
    return outcomes.ok() ? evaluation::Summarise(*outcomes) : evaluation::Summary{};
  }

  static inline TemporaryFolder* folder_ = nullptr;
  static inline backend::Backend* backend_ = nullptr;
  static inline evaluation::PolicyDriverFactory* drivers_ = nullptr;
};

TEST_F(DrivingTest, ActionsAreThoseOfPyTorchOverWholeEpisodes) {
  const auto reference = checkpoint::Checkpoint::Open(kModel / "pytorch_actions.safetensors");
  ASSERT_TRUE(reference.ok()) << reference.error().ToString();
  const auto episodes = episode::EpisodeSet::Open({kModel / "held_out"});
  ASSERT_TRUE(episodes.ok()) << episodes.error().ToString();
  ASSERT_GE(episodes->size(), 12U);
  double furthest = 0;
  for (size_t i = 0; i < episodes->size(); ++i) {
    const auto episode = episodes->OpenEpisode(i);
    ASSERT_TRUE(episode.ok());
    auto driver = drivers_->Make();
    ASSERT_TRUE(driver.ok());
    const auto actions = evaluation::Predict(*std::move(driver), **episode, Condition::kNormal);
    ASSERT_TRUE(actions.ok()) << actions.error().ToString();
    const auto* entry = (*reference)->Find(episodes->path(i).stem().string() + ".actions");
    ASSERT_NE(entry, nullptr) << episodes->name(i);
    const Tensor expected = (*reference)->Read(*entry);
    ASSERT_EQ(expected.shape(), (Shape{(*episode)->length(), 1, 2}));
    for (size_t t = 0; t < actions->size(); ++t) {
      for (size_t axis = 0; axis < 2; ++axis) {
        const double ours = static_cast<double>((*actions)[t].data<float>()[axis]);
        furthest = std::max(furthest, std::abs(ours - static_cast<double>(expected.data<float>()[2 * t + axis])));
      }
    }
  }
  EXPECT_LE(furthest, 1e-5);
  EXPECT_GT(furthest, 0);  // two implementations do not agree to the last bit
}

TEST_F(DrivingTest, ItActsByWhatItSeesHearsAndRemembers) {
  const auto episodes = episode::EpisodeSet::Open({kModel / "held_out"});
  ASSERT_TRUE(episodes.ok());
  const auto moved = [&](Condition condition) {
    const auto scores =
        evaluation::ScoreEpisodes(*drivers_, *episodes, {.condition = condition, .threads = 2}, SilentLog());
    EXPECT_TRUE(scores.ok());
    evaluation::Score total;
    for (const auto& score : *scores) total.Add(score.moved);
    return total.Mae(2);
  };
  EXPECT_GT(moved(Condition::kBlank), 0.1);
  EXPECT_GT(moved(Condition::kFrozen), 0.1);
  EXPECT_GT(moved(Condition::kSwapped), 0.1);
  EXPECT_GT(moved(Condition::kOneFrame), 0.02);
}

TEST_F(DrivingTest, TwentyEpisodesInTheSimulator) {
  if (const auto why = sim::World::Unavailable()) GTEST_SKIP() << *why;
  const evaluation::Summary normal = RollOut(Condition::kNormal);
  EXPECT_GE(normal.success.count, 15);  // 9 in 10 over many seeds
  EXPECT_LE(RollOut(Condition::kBlank).success.count, 2);
  EXPECT_GE(RollOut(Condition::kSwapped).told_side.count, 14);
}

}  // namespace
}  // namespace vlaq
