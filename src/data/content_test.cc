#include "data/content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "data/testing.h"

namespace vlaq::data {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class ContentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 4; ++i) {
      const fs::path path = folder_.path() / ("e" + std::to_string(i) + ".h5");
      ASSERT_TRUE(WriteTestEpisode(path, {.speed = static_cast<float>(i)}));
    }
  }
  EpisodeSet Set(bool skip_bad = false) const { return *EpisodeSet::Open({folder_.path()}, {{}, skip_bad}); }
  void AddUnreadable() const {
    fs::copy_file(fs::path(VLAQ_TESTDATA) / "episode" / "bad" / "never_written.h5", folder_.path() / "a.h5");
  }

  TemporaryFolder folder_;
};

TEST_F(ContentTest, HashesInOrderAndOfContent) {
  const auto content = HashAll(Set(), SilentLog());
  ASSERT_TRUE(content.ok());
  ASSERT_THAT(content->episodes, SizeIs(4));
  EXPECT_EQ(content->episodes[2].name, "e2.h5");
  EXPECT_EQ(content->episodes[2].hash, *(*Set().OpenEpisode(2))->ContentHash());
  EXPECT_NE(content->episodes[2].hash, content->episodes[3].hash);
}

TEST_F(ContentTest, UnreadableFrames) {
  AddUnreadable();
  EXPECT_THAT(HashAll(Set(), SilentLog()).error().ToString(), AllOf(HasSubstr("a.h5"), HasSubstr("--skip-bad")));
  const auto content = HashAll(Set(true), SilentLog());
  ASSERT_TRUE(content.ok());
  EXPECT_THAT(content->episodes, SizeIs(4));
  EXPECT_EQ(content->indices.front(), 1U);
  ASSERT_THAT(content->bad, SizeIs(1));
  EXPECT_EQ(content->bad[0].path.filename(), "a.h5");
}

TEST_F(ContentTest, SelectFindsRenamedFilesAndTakesEachContentOnce) {
  const auto members = HashAll(Set(), SilentLog())->episodes;
  fs::rename(folder_.path() / "e3.h5", folder_.path() / "renamed.h5");
  fs::copy_file(folder_.path() / "e1.h5", folder_.path() / "z_copy.h5");
  const auto chosen = Select(Set(), {"split.json:test", {members[3], members[1]}}, SilentLog());
  ASSERT_TRUE(chosen.ok()) << chosen.error().ToString();
  ASSERT_EQ(chosen->size(), 2U);
  EXPECT_EQ(chosen->name(0), "e1.h5");
  EXPECT_EQ(chosen->name(1), "renamed.h5");
}

TEST_F(ContentTest, SelectNamesWhatIsMissing) {
  const auto members = HashAll(Set(), SilentLog())->episodes;
  fs::remove(folder_.path() / "e0.h5");
  const auto chosen = Select(Set(), {"split.json:test", {members[0], members[1]}}, SilentLog());
  ASSERT_FALSE(chosen.ok());
  EXPECT_THAT(chosen.error().ToString(), AllOf(HasSubstr("split.json:test: 1 of its 2 episodes"), HasSubstr("e0.h5")));
}

}  // namespace
}  // namespace vlaq::data
