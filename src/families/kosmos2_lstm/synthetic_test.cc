#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include "base/hash.h"
#include "base/json.h"
#include "base/testing.h"
#include "checkpoint/checkpoint.h"
#include "families/kosmos2_lstm/synthetic_checkpoint.h"
#include "synthesis/normal.h"
#include "synthesis/pickle_writer.h"
#include "synthesis/pth_writer.h"

namespace vlaq::kosmos2_lstm {
namespace {

namespace fs = std::filesystem;
using checkpoint::Checkpoint;
using checkpoint::Entry;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::shared_ptr<const Checkpoint> OpenOrFail(const fs::path& path) {
  auto opened = Checkpoint::Open(path, {.check_crc = true});
  EXPECT_TRUE(opened.ok()) << opened.error().ToString();
  return opened.ok() ? *opened : nullptr;
}

std::string FileHash(const fs::path& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return Sha256Hex(AsBytes(content.str()));
}

int64_t Parameters(const std::vector<TensorPlan>& plans, std::string_view prefix) {
  int64_t sum = 0;
  for (const TensorPlan& plan : plans) sum += plan.name.starts_with(prefix) ? *ElementCount(plan.shape) : 0;
  return sum;
}

// The published counts (docs/kosmos2_lstm.md 1), part by part.
TEST(PolicyLayout, FullSizeHasThePublishedCounts) {
  const auto plans = PolicyTensors(ShapeOf(Size::kFull));
  EXPECT_EQ(plans.size(), 909U);
  EXPECT_EQ(Parameters(plans, ""), 1'703'973'122);
  EXPECT_EQ(Parameters(plans, "kosmos_model.text_model."), 1'342'289'920);
  EXPECT_EQ(Parameters(plans, "kosmos_model.vision_model."), 303'179'776);
  EXPECT_EQ(Parameters(plans, "kosmos_model.image_to_text_projection."), 19'015'680);
  EXPECT_EQ(Parameters(plans, "rnn."), 37'781'504);
  EXPECT_EQ(Parameters(plans, "actions.mlp."), 1'706'242);
  const auto heads = std::count_if(plans.begin(), plans.end(), [](const TensorPlan& p) { return p.is_head; });
  EXPECT_EQ(heads, 24);
  std::set<std::string> names;
  for (const TensorPlan& plan : plans) names.insert(plan.name);
  EXPECT_EQ(names.size(), 909U);
}

TEST(PolicyLayout, MicroHasTheSameNames) {
  const auto full = PolicyTensors(ShapeOf(Size::kFull));
  const auto micro = PolicyTensors(ShapeOf(Size::kMicro));
  ASSERT_EQ(full.size(), micro.size());
  for (size_t i = 0; i < full.size(); ++i) {
    EXPECT_EQ(full[i].name, micro[i].name);
    EXPECT_EQ(full[i].shape.size(), micro[i].shape.size());
  }
  EXPECT_EQ(Parameters(micro, ""), 1'045'738);
}

TEST(Normal, MomentsAndDeterminism) {
  const Random stream(1, 2);
  std::vector<float> values(1'000'000);
  synthesis::FillNormal(stream, 0, 3, 2, values);
  double sum = 0;
  double squares = 0;
  double fourth = 0;
  for (const float value : values) {
    const double centered = (static_cast<double>(value) - 3) / 2;
    sum += centered;
    squares += centered * centered;
    fourth += centered * centered * centered * centered;
  }
  const auto count = static_cast<double>(values.size());
  EXPECT_NEAR(sum / count, 0, 0.005);
  EXPECT_NEAR(squares / count, 1, 0.005);
  EXPECT_NEAR(fourth / count, 2.7, 0.03) << "3 - 6/5/4: the kurtosis of a sum of four uniforms";
  std::vector<float> middle(100);
  synthesis::FillNormal(stream, 500, 3, 2, middle);
  EXPECT_TRUE(std::equal(middle.begin(), middle.end(), values.begin() + 500));
}

TEST(PolicyCheckpoint, ReadsBackAsTheOriginalWould) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "micro.pth";
  ASSERT_TRUE(WriteCheckpoint(path, {.seed = 5}, SilentLog()).ok());
  const auto file = OpenOrFail(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->container(), "model_state_dict");
  const auto plans = PolicyTensors(ShapeOf(Size::kMicro));
  ASSERT_EQ(file->entries().size(), plans.size());
  for (size_t i = 0; i < plans.size(); ++i) {
    const Entry& entry = file->entries()[i];
    EXPECT_EQ(entry.name, plans[i].name);
    EXPECT_EQ(entry.shape, plans[i].shape);
    EXPECT_EQ(file->storages()[entry.storage].file_offset % 64, 0U) << "aligned, to be mapped";
    // The values are those of the stream, wherever the blocks were cut.
    std::vector<float> expected(static_cast<size_t>(entry.size()));
    synthesis::FillNormal(Random(5, i), 0, plans[i].mean, plans[i].deviation, expected);
    if (plans[i].zero_row_1) std::fill_n(expected.begin() + entry.shape[1], entry.shape[1], 0.0F);
    const Tensor tensor = file->Read(entry);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), tensor.data<float>().begin())) << entry.name;
  }
  std::vector<std::pair<std::string, std::string>> extras;
  for (const auto& extra : file->extras()) extras.emplace_back(extra.name, extra.text);
  EXPECT_THAT(extras, ElementsAre(Pair("epoch", "4"), Pair("optimizer_state_dict", StartsWith("dict: 72 tensors, ")),
                                  Pair("val_mae", "0.222"),
                                  Pair("args", "Namespace(data_dir='episodes', window_size=8, lr=0.0001)")));
}

TEST(PolicyCheckpoint, PlainHoldsTheWeightsAlone) {
  const TemporaryFolder folder;
  const fs::path plain = folder.path() / "plain.pth";
  const fs::path whole = folder.path() / "whole.pth";
  ASSERT_TRUE(WriteCheckpoint(plain, {.plain = true}, SilentLog()).ok());
  ASSERT_TRUE(WriteCheckpoint(whole, {}, SilentLog()).ok());
  const auto a = OpenOrFail(plain);
  const auto b = OpenOrFail(whole);
  ASSERT_TRUE(a && b);
  EXPECT_THAT(a->extras(), SizeIs(0));
  for (const Entry& entry : a->entries()) {
    EXPECT_EQ(Sha256Hex(a->Read(entry).bytes()), Sha256Hex(b->Read(*b->Find(entry.name)).bytes())) << entry.name;
  }
}

TEST(PolicyCheckpoint, SeedDecidesTheBytes) {
  const TemporaryFolder folder;
  const auto write = [&](const std::string& sub, const CheckpointOptions& options) {
    fs::create_directory(folder.path() / sub);
    const fs::path path = folder.path() / sub / "model.pth";
    EXPECT_TRUE(WriteCheckpoint(path, options, SilentLog()).ok());
    return FileHash(path);
  };
  const std::string first = write("a", {.seed = 1, .threads = 1});
  EXPECT_EQ(write("b", {.seed = 1, .threads = 3}), first);
  EXPECT_NE(write("c", {.seed = 2}), first);
}

TEST(PolicyCheckpoint, RefusesToReplaceUnasked) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "m.pth";
  ASSERT_TRUE(WriteCheckpoint(path, {}, SilentLog()).ok());
  const Status again = WriteCheckpoint(path, {}, SilentLog());
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kUsage);
  EXPECT_TRUE(WriteCheckpoint(path, {.existing = Existing::kReplace}, SilentLog()).ok());
  EXPECT_EQ(WriteCheckpoint(path / "m.pth", {}, SilentLog()).error().code, ErrorCode::kInput);
}

TEST(PthWriter, AllFormsOfTheContainer) {
  const TemporaryFolder folder;
  int number = 0;
  for (const bool descriptors : {true, false}) {
    for (const uint64_t zip64_from : {uint64_t{0xFFFFFFFF}, uint64_t{300}, uint64_t{0}}) {
      const fs::path path = folder.path() / (std::to_string(++number) + ".pth");
      auto writer = synthesis::PthWriter::Create(path, {.data_descriptors = descriptors, .zip64_from = zip64_from});
      ASSERT_TRUE(writer.ok());
      synthesis::PickleWriter pickle;
      pickle.OpenDict();
      pickle.Text("w");
      pickle.FloatTensor("0", {100});
      pickle.CloseDict();
      ASSERT_TRUE(writer->Write("data.pkl", pickle.Finish()).ok());
      const std::string half(200, 'h');
      const auto crc = static_cast<uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(half.data()), 200));
      ASSERT_TRUE(writer->Begin("data/0", 400).ok());
      ASSERT_TRUE(writer->Append(AsBytes(half), crc).ok());
      EXPECT_FALSE(writer->End().ok()) << "half of it is missing";
      ASSERT_TRUE(writer->Append(AsBytes(half), crc).ok());
      ASSERT_TRUE(writer->End().ok());
      ASSERT_TRUE(writer->Finish().ok());
      const auto file = Checkpoint::Open(path, {.check_crc = true});
      ASSERT_TRUE(file.ok()) << file.error().ToString();
      EXPECT_EQ(AsText((*file)->Read(*(*file)->Find("w")).bytes()), half + half);
    }
  }
}

TEST(Settings, DescribeTheCheckpoint) {
  for (const Size size : {Size::kFull, Size::kMicro}) {
    const PolicyShape shape = ShapeOf(size);
    const auto config = ParseJson(ConfigJson(size), "config.json");
    const auto policy = ParseJson(PolicyJson(size), "policy.json");
    ASSERT_TRUE(config.ok() && policy.ok());
    EXPECT_EQ((*config)["text_config"]["embed_dim"], shape.text_width);
    EXPECT_EQ((*config)["text_config"]["attention_heads"], shape.text_heads);
    EXPECT_EQ((*config)["vision_config"]["num_attention_heads"], shape.vision_heads);
    EXPECT_EQ((*policy)["lstm_input"], shape.text_width);
    EXPECT_EQ((*policy)["prompt_ids"].size(), (*policy)["image_position_mask"].size());
    int64_t rows = 0;
    for (const auto& flag : (*policy)["image_position_mask"]) rows += flag.get<int64_t>();
    EXPECT_EQ(rows, shape.latents);
    for (const auto& id : (*policy)["prompt_ids"]) EXPECT_LT(id.get<int64_t>(), shape.vocabulary);
  }
  EXPECT_EQ(ShapeOf(Size::kFull).text_width / ShapeOf(Size::kFull).text_heads, 64);
}

TEST(Settings, AreWrittenBeside) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteSideFiles(folder.path(), Size::kMicro, Existing::kRefuse).ok());
  EXPECT_TRUE(ReadJsonFile(folder.path() / "config.json").ok());
  EXPECT_TRUE(ReadJsonFile(folder.path() / "policy.json").ok());
  EXPECT_FALSE(WriteSideFiles(folder.path(), Size::kMicro, Existing::kRefuse).ok());
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm
