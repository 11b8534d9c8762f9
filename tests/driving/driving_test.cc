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
#include "data/episode_set.h"
#include "evaluate/bundle_policy.h"
#include "evaluate/open_loop.h"
#include "evaluate/rollout.h"
#include "evaluate/summary.h"
#include "export/export.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using evaluate::Ablation;

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
    auto policies = evaluate::BundlePolicyFactory::Open(report->bundle, *backend_, {.threads = 1});
    ASSERT_TRUE(policies.ok()) << policies.error().ToString();
    policies_ = policies->release();
  }
  static void TearDownTestSuite() {
    delete policies_;
    delete backend_;
    delete folder_;
  }

  static evaluate::Summary RollOut(Ablation ablation) {
    evaluate::RolloutOptions options;
    options.first_seed = 7'000'000;
    options.episodes = 20;
    options.ablation = ablation;
    options.threads = 2;
    const auto outcomes = evaluate::RollOut(*policies_, options, SilentLog());
    EXPECT_TRUE(outcomes.ok()) << (outcomes.ok() ? "" : outcomes.error().ToString());
    return outcomes.ok() ? evaluate::Summarize(*outcomes) : evaluate::Summary{};
  }

  static inline TemporaryFolder* folder_ = nullptr;
  static inline backend::Backend* backend_ = nullptr;
  static inline evaluate::BundlePolicyFactory* policies_ = nullptr;
};

TEST_F(DrivingTest, ActionsAreThoseOfPyTorchOverWholeEpisodes) {
  const auto reference = checkpoint::Checkpoint::Open(kModel / "pytorch_actions.safetensors");
  ASSERT_TRUE(reference.ok()) << reference.error().ToString();
  const auto episodes = data::EpisodeSet::Open({kModel / "held_out"});
  ASSERT_TRUE(episodes.ok()) << episodes.error().ToString();
  ASSERT_GE(episodes->size(), 12U);
  double furthest = 0;
  for (size_t i = 0; i < episodes->size(); ++i) {
    const auto episode = episodes->OpenEpisode(i);
    ASSERT_TRUE(episode.ok());
    auto tested = policies_->Make();
    ASSERT_TRUE(tested.ok());
    const auto actions = evaluate::Predict(*std::move(tested), **episode, Ablation::kNone);
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
  const auto episodes = data::EpisodeSet::Open({kModel / "held_out"});
  ASSERT_TRUE(episodes.ok());
  const auto moved = [&](Ablation ablation) {
    const auto scores =
        evaluate::ScoreEpisodes(*policies_, *episodes, {.ablation = ablation, .threads = 2}, SilentLog());
    EXPECT_TRUE(scores.ok());
    evaluate::Score total;
    for (const auto& score : *scores) total.Add(score.moved);
    return total.Mae(2);
  };
  EXPECT_GT(moved(Ablation::kGrayImage), 0.1);
  EXPECT_GT(moved(Ablation::kFrozenImage), 0.1);
  EXPECT_GT(moved(Ablation::kSwappedInstruction), 0.1);
  EXPECT_GT(moved(Ablation::kOneFrame), 0.02);
}

TEST_F(DrivingTest, TwentyEpisodesInTheSimulator) {
  if (const auto why = sim::World::Unavailable()) GTEST_SKIP() << *why;
  const evaluate::Summary normal = RollOut(Ablation::kNone);
  EXPECT_GE(normal.success.count, 15);  // 9 in 10 over many seeds
  EXPECT_LE(RollOut(Ablation::kGrayImage).success.count, 2);
  EXPECT_GE(RollOut(Ablation::kSwappedInstruction).told_side.count, 14);
}

}  // namespace
}  // namespace vlaq
