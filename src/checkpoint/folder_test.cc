#include "checkpoint/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/testing.h"

namespace vlaq::checkpoint {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FolderTest : public ::testing::Test {
 protected:
  void Put(const std::string& name, const std::string& content = "x") {
    fs::create_directories((folder_.path() / name).parent_path());
    std::ofstream(folder_.path() / name, std::ios::binary) << content;
  }
  void PutCheckpoint(const std::string& name) {
    const std::string dict = "}(" + testing::Pickle().Text("w").Tensor({}).Fragment() + "u";
    Put(name, testing::PthFile(testing::Pickle().Raw(dict).Stop(), {{"0", testing::BytesOf<float>({1})}}));
  }
  std::string Error() {
    const auto opened = Checkpoint::Open(folder_.path());
    return opened.ok() ? "" : opened.error().ToString();
  }

  TemporaryFolder folder_;
};

TEST_F(FolderTest, TheOneCheckpointIsTaken) {
  PutCheckpoint("best.pth");
  Put("config.json", "{}");
  Put("optimizer.pt");
  Put("notes.txt");
  const auto opened = Checkpoint::Open(folder_.path());
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  EXPECT_EQ((*opened)->path(), folder_.path() / "best.pth");
  PutCheckpoint("last.PTH");
  EXPECT_THAT(Error(), AllOf(HasSubstr("2 files that may be the checkpoint"), HasSubstr("best.pth, last.PTH")));
}

TEST_F(FolderTest, AnIndexStandsForItsShards) {
  for (const char* name :
       {"model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}) {
    fs::copy_file(fs::path(VLAQ_TESTDATA) / "checkpoint" / name, folder_.path() / name);
  }
  const auto opened = Checkpoint::Open(folder_.path());
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  EXPECT_EQ((*opened)->format(), Format::kShardedSafetensors);
}

TEST_F(FolderTest, FoldersOfOtherProgramsAreNamedWithTheirCure) {
  const auto error_with = [&](const std::string& name) {
    fs::remove_all(folder_.path());
    Put(name);
    return Error();
  };
  EXPECT_THAT(error_with("__0_0.distcp"),
              AllOf(HasSubstr("is a torch.distributed checkpoint"), HasSubstr("dcp_to_torch")));
  EXPECT_THAT(error_with("zero_to_fp32.py"), AllOf(HasSubstr("DeepSpeed"), HasSubstr("zero_to_fp32.py")));
  EXPECT_THAT(error_with("mp_rank_00_model_states.pt"), HasSubstr("DeepSpeed"));
  EXPECT_THAT(error_with("pytorch_model_fsdp_0/__0_0.distcp"), AllOf(HasSubstr("FSDP"), HasSubstr("merge-weights")));
  EXPECT_THAT(error_with("pytorch_model.bin.index.json"), HasSubstr("safe_serialization"));
  EXPECT_THAT(error_with("model-00001-of-00002.safetensors"), HasSubstr("without their model.safetensors.index.json"));
  EXPECT_THAT(error_with("saved_model.pb"), HasSubstr("TensorFlow"));
  EXPECT_THAT(error_with("snapshots/abc/model.safetensors"), HasSubstr("snapshots/"));
  EXPECT_THAT(error_with("notes.txt"), HasSubstr("a folder without a checkpoint"));
}

}  // namespace
}  // namespace vlaq::checkpoint
