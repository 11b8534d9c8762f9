// Files that PyTorch wrote (testdata/checkpoint/make_fixtures.py), compared with their safetensors twins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/hash.h"
#include "checkpoint/checkpoint.h"

namespace vlaq::checkpoint {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

const fs::path kFolder = fs::path(VLAQ_TESTDATA) / "checkpoint";
// Larger files of the same kind, only where the project's shared folder lies beside the repository.
const fs::path kGolden = fs::path(VLAQ_TESTDATA) / "../../shared/golden";

std::shared_ptr<const Checkpoint> OpenOrFail(const fs::path& path, const OpenOptions& options = {}) {
  auto checkpoint = Checkpoint::Open(path, options);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.error().ToString();
  return checkpoint.ok() ? *checkpoint : nullptr;
}

// Every tensor of `twin` has the same type, shape and bytes in `checkpoint`; returns how many only the latter has.
size_t ExpectSameTensors(const Checkpoint& checkpoint, const Checkpoint& twin) {
  for (const Entry& expected : twin.entries()) {
    const Entry* entry = checkpoint.Find(expected.name);
    EXPECT_NE(entry, nullptr) << expected.name;
    if (entry == nullptr) continue;
    EXPECT_EQ(DTypeName(entry->dtype), DTypeName(expected.dtype)) << expected.name;
    EXPECT_EQ(entry->shape, expected.shape) << expected.name;
    EXPECT_EQ(Sha256Hex(checkpoint.Read(*entry).bytes()), Sha256Hex(twin.Read(expected).bytes())) << expected.name;
  }
  return checkpoint.entries().size() - twin.entries().size();
}

std::vector<std::pair<std::string, std::string>> ExtrasOf(const Checkpoint& checkpoint) {
  std::vector<std::pair<std::string, std::string>> extras;
  for (const Extra& extra : checkpoint.extras()) extras.emplace_back(extra.name, extra.text);
  return extras;
}

class TwinTest : public ::testing::TestWithParam<std::string> {};

TEST_P(TwinTest, SameTensors) {
  const auto checkpoint = OpenOrFail(kFolder / (GetParam() + ".pth"));
  const auto twin = OpenOrFail(kFolder / (GetParam() + ".safetensors"));
  ASSERT_TRUE(checkpoint && twin);
  EXPECT_EQ(ExpectSameTensors(*checkpoint, *twin), 0U);
  EXPECT_GE(twin->entries().size(), 8U);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, TwinTest,
                         ::testing::Values("dtypes", "views", "trainer", "prefixes_protocol4", "nested_protocol5",
                                           "no_crc"));

TEST(Fixtures, ViewsShareStorages) {
  const auto checkpoint = OpenOrFail(kFolder / "views.pth");
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->container(), "state_dict");
  const auto storage = [&](std::string_view name) { return checkpoint->Find(name)->storage; };
  EXPECT_EQ(storage("base"), storage("transposed"));
  EXPECT_EQ(storage("base"), storage("permuted"));
  EXPECT_EQ(storage("tied_a"), storage("tied_b"));
  EXPECT_NE(storage("base"), storage("tied_a"));
  EXPECT_EQ(checkpoint->Find("tail")->offset, 30);
  EXPECT_FALSE(checkpoint->Find("channels_last")->contiguous);
  EXPECT_TRUE(checkpoint->Find("tail")->contiguous);
}

TEST(Fixtures, WhatATrainerSavesBesideTheWeights) {
  const auto checkpoint = OpenOrFail(kFolder / "trainer.pth", {.check_crc = true});
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->container(), "model_state_dict");
  EXPECT_THAT(ExtrasOf(*checkpoint),
              ElementsAre(Pair("epoch", "4"), Pair("optimizer_state_dict", "dict: 30 tensors, 4,136 bytes (not read)"),
                          Pair("val_mae", "0.222"), Pair("best", "0.125"), Pair("history", "[0.5, 0.25, 3]"),
                          Pair("args",
                               "Namespace(data_dir='episodes', window_size=8, lr=0.0001, "
                               "nested={'a': (1, 2)})")));
}

TEST(Fixtures, NamesKeepTheirPrefixes) {
  const auto checkpoint = OpenOrFail(kFolder / "prefixes_protocol4.pth");
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->container(), "model");
  EXPECT_NE(checkpoint->Find("module.model.rnn.weight_ih_l0"), nullptr);
  EXPECT_THAT(ExtrasOf(*checkpoint), ElementsAre(Pair("val_mae", "0.222")));
}

TEST(Fixtures, ShardsGiveTheSameAsOneFile) {
  const auto sharded = OpenOrFail(kFolder / "model.safetensors.index.json");
  const auto whole = OpenOrFail(kFolder / "sharded.safetensors");
  ASSERT_TRUE(sharded && whole);
  EXPECT_EQ(ExpectSameTensors(*sharded, *whole), 0U);
  EXPECT_EQ(sharded->files().size(), 3U);
}

TEST(Fixtures, RefusedWithAdvice) {
  const auto error = [](std::string_view name) {
    const auto checkpoint = Checkpoint::Open(kFolder / name);
    return checkpoint.ok() ? "opened" : checkpoint.error().ToString();
  };
  EXPECT_THAT(error("legacy.pth"), AllOf(HasSubstr("before version 1.6"), HasSubstr("torch.save(torch.load")));
  EXPECT_THAT(error("torchscript.pt"), AllOf(HasSubstr("TorchScript"), HasSubstr("state_dict()")));
  EXPECT_THAT(error("module_object.pth"), HasSubstr("an object of class torch.nn.modules.linear.Linear"));
}

// PyTorch can leave the checksums out; the file opens, and asking for the check says why it cannot pass.
TEST(Fixtures, MissingChecksums) {
  const auto checked = Checkpoint::Open(kFolder / "no_crc.pth", {.check_crc = true});
  ASSERT_FALSE(checked.ok());
  EXPECT_THAT(checked.error().ToString(), HasSubstr("or the writer left the checksum out"));
}

class GoldenCheckpoint : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenCheckpoint, SameTensors) {
  const fs::path folder = kGolden / GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << "no " << folder;
  const auto checkpoint = OpenOrFail(folder / "checkpoint.pth", {.check_crc = true});
  const auto twin = OpenOrFail(folder / "model.safetensors");
  ASSERT_TRUE(checkpoint && twin);
  // The tied lm_head stands in the .pth alone.
  EXPECT_EQ(ExpectSameTensors(*checkpoint, *twin), checkpoint->container() == "state_dict" ? 1U : 0U);
  EXPECT_GE(twin->entries().size(), 909U);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, GoldenCheckpoint,
                         ::testing::Values("micro909", "micro909_last_token", "micro911_action_token"));

}  // namespace
}  // namespace vlaq::checkpoint
