// The public API on a tiny policy of the true structure, and on bundles that no family made.
#include "vlaq/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backend/reference/reference.h"
#include "base/shared_library.h"
#include "base/testing.h"
#include "export/testing.h"
#include "families/kosmos2_lstm/prompt.h"
#include "families/kosmos2_lstm/testing.h"
#include "families/onnx/import.h"
#include "families/onnx/testing.h"
#include "image/decode.h"
#include "image/preprocess.h"
#include "runtime/testing.h"

namespace vlaq {
namespace {
namespace fs = std::filesystem;

using kosmos2_lstm::testing::RandomTensor;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kCamera = "observation.images.front";
constexpr int kFrames = 6;  // a window and three more

bool SameBytes(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && std::ranges::equal(a.bytes(), b.bytes());
}

std::vector<float> Row(const Tensor& chunk, int64_t row) {
  const auto width = static_cast<size_t>(chunk.shape()[1]);
  const auto values = chunk.data<float>().subspan(static_cast<size_t>(row) * width, width);
  return {values.begin(), values.end()};
}

std::vector<float> Numbers(const Tensor& tensor) { return {tensor.data<float>().begin(), tensor.data<float>().end()}; }

// A frame as the tiny policy's graph takes it; another one for each t.
Observation FrameAt(int t) { return {{kCamera, RandomTensor({3, 8, 8}, static_cast<uint64_t>(t) + 50, 1)}}; }

// A camera's picture of height x width.
Tensor PictureOf(int64_t height, int64_t width, int seed) {
  Tensor picture = Tensor::Make(DType::kU8, {height, width, 3});
  int value = seed;
  for (uint8_t& byte : picture.mutable_data<uint8_t>()) byte = static_cast<uint8_t>((value += 37) % 251);
  return picture;
}

// Opened, or the test fails and ends with what is wrong.
Policy OpenOrThrow(const fs::path& bundle, const PolicyOptions& options) {
  auto opened = Policy::Open(bundle, options);
  if (!opened.ok()) throw std::runtime_error(opened.error().ToString());
  return std::move(*opened);
}

Tensor StepOrThrow(Policy& policy, const Observation& observation) {
  auto outputs = policy.Step(observation);
  if (!outputs.ok()) throw std::runtime_error(outputs.error().ToString());
  return outputs->values.at(policy.outputs().front().name);
}

Tensor ActOrThrow(Policy& policy, const Observation& observation) {
  auto action = policy.Act(observation);
  if (!action.ok()) throw std::runtime_error(action.error().ToString());
  return std::move(*action);
}

template <typename T>
void ExpectError(const T& result, ErrorCode code, const ::testing::Matcher<std::string>& text) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, code);
  EXPECT_THAT(result.error().ToString(), text);
}

// Two bundles of tiny policies: one that was exported with token ids, and one with a tokenizer and an instruction.
class PublicPolicy : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    Export(Bundle());
    // libsentencepiece has a protobuf of its own, which must be kept from that of the graphs.
    if (!CanPreferOwnSymbols()) return;
    auto structure = kosmos2_lstm::testing::TinyPolicy::DefaultStructure();
    structure.text.vocabulary = 1187;
    kosmos2_lstm::testing::TinyPolicy tiny(false, structure);
    tiny.policy.erase("prompt_ids");
    exporting::ExportOptions options;
    options.settings.task = "turn left";
    options.settings.tokenizer = fs::path(VLAQ_TESTDATA) / "tokenizer" / "small.model";
    Export(TextBundle(), tiny, options);
  }
  static void TearDownTestSuite() { delete folder_; }

  static fs::path Bundle() { return folder_->path() / "bundle"; }
  static fs::path TextBundle() { return folder_->path() / "text" / "bundle"; }
  static PolicyOptions Reference(const std::string& schedule = "") {
    PolicyOptions options;
    options.backend = "reference";
    options.schedule = schedule;
    return options;
  }
  static Policy Open(const std::string& schedule = "") { return OpenOrThrow(Bundle(), Reference(schedule)); }

 private:
  static void Export(const fs::path& bundle,
                     const kosmos2_lstm::testing::TinyPolicy& tiny = kosmos2_lstm::testing::TinyPolicy(),
                     const exporting::ExportOptions& options = {}) {
    const auto exported = exporting::testing::ExportTiny(bundle.parent_path(), tiny, options);
    ASSERT_TRUE(exported.ok()) << exported.error().ToString();
  }

  static inline TemporaryFolder* folder_ = nullptr;
};

TEST_F(PublicPolicy, OpensWhatThereIs) {
  ExpectError(Policy::Open("/no/such/bundle"), ErrorCode::kInput, HasSubstr("/no/such/bundle"));
  ExpectError(ReadFeatures("/no/such/bundle"), ErrorCode::kInput, HasSubstr("/no/such/bundle"));
  ExpectError(Policy::Open(Bundle(), Reference("stream")), ErrorCode::kUsage,
              AllOf(HasSubstr("'stream'"), HasSubstr("streaming"), HasSubstr("whole")));
  PolicyOptions options = Reference();
  options.backend = "tflite";
  ExpectError(Policy::Open(Bundle(), options), ErrorCode::kUsage,
              AllOf(HasSubstr("'tflite'"), HasSubstr("onnxruntime, reference")));
  options = Reference();
  options.provider = "rocket";
  ExpectError(Policy::Open(Bundle(), options), ErrorCode::kBackend, HasSubstr("rocket"));
  options = {};
  options.engines = Bundle();
  ExpectError(Policy::Open(Bundle(), options), ErrorCode::kUsage, HasSubstr("engines do not run on the provider cpu"));
  options = {};
  options.library = "/no/libonnxruntime.so";
  ExpectError(Policy::Open(Bundle(), options), ErrorCode::kBackend, HasSubstr("/no/libonnxruntime.so"));
}

TEST_F(PublicPolicy, SaysWhatItTakesAndGives) {
  const Policy policy = Open();
  const auto& inputs = policy.inputs();
  ASSERT_EQ(inputs.size(), 2U);
  EXPECT_EQ(inputs[0].name, kCamera);
  EXPECT_EQ(inputs[0].type, FeatureType::kImage);
  EXPECT_EQ(inputs[0].dtype, DType::kF32);
  EXPECT_EQ(inputs[0].shape, (Shape{3, 8, 8}));
  EXPECT_EQ(inputs[1].name, "task");
  EXPECT_EQ(inputs[1].type, FeatureType::kText);
  EXPECT_THAT(inputs[1].shape, IsEmpty());
  ASSERT_EQ(policy.outputs().size(), 1U);
  const Feature& action = policy.outputs().front();
  EXPECT_EQ(action.name, "action");
  EXPECT_EQ(action.type, FeatureType::kAction);
  EXPECT_EQ(action.shape, (Shape{2, 2}));
  EXPECT_THAT(action.names, ElementsAre("linear_x", "linear_y"));
  EXPECT_THAT(action.units, ElementsAre("m/s", "m/s"));
  EXPECT_EQ(policy.schedule(), "streaming");
  EXPECT_EQ(Open("whole").schedule(), "whole");
  EXPECT_THAT(policy.Describe(), AllOf(HasSubstr("streaming"), HasSubstr("reference")));
  EXPECT_GT(policy.control_period_s(), 0);
}

TEST_F(PublicPolicy, SaysItWithoutBeingOpened) {
  const Policy policy = Open();
  const auto features = ReadFeatures(Bundle());
  ASSERT_TRUE(features.ok()) << features.error().ToString();
  EXPECT_THAT(features->schedules, ElementsAre("streaming", "whole"));
  EXPECT_EQ(features->default_schedule, "streaming");
  EXPECT_EQ(features->control_period_s, policy.control_period_s());
  ASSERT_EQ(features->inputs.size(), policy.inputs().size());
  for (size_t i = 0; i < features->inputs.size(); ++i) {
    EXPECT_EQ(features->inputs[i].name, policy.inputs()[i].name);
    EXPECT_EQ(features->inputs[i].shape, policy.inputs()[i].shape);
  }
  EXPECT_EQ(features->outputs.front().units, policy.outputs().front().units);
}

TEST_F(PublicPolicy, NamesTypesOfFeatures) {
  EXPECT_EQ(Name(FeatureType::kImage), "image");
  EXPECT_EQ(Name(FeatureType::kState), "state");
  EXPECT_EQ(Name(FeatureType::kText), "text");
  EXPECT_EQ(Name(FeatureType::kNoise), "noise");
  EXPECT_EQ(Name(FeatureType::kMemory), "memory");
  EXPECT_EQ(Name(FeatureType::kAction), "action");
}

TEST_F(PublicPolicy, StepsGiveWhatTheScheduleGives) {
  const auto bundle = bundle::Open(Bundle());
  ASSERT_TRUE(bundle.ok());
  const auto backend = backend::MakeReferenceBackend();
  for (const bool whole : {false, true}) {
    auto runner = runtime::testing::FrameRunner::Open(*bundle, *backend, {}, whole ? "whole" : "");
    ASSERT_TRUE(runner.ok()) << runner.error().ToString();
    Policy policy = Open(whole ? "whole" : "");
    for (int t = 0; t < kFrames; ++t) {
      const auto expected = (*runner)->Step(FrameAt(t).at(kCamera));
      const auto outputs = policy.Step(FrameAt(t));
      ASSERT_TRUE(expected.ok());
      ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
      EXPECT_TRUE(SameBytes(outputs->raw.at("action"), *expected)) << t;
      const auto raw = Numbers(outputs->raw.at("action"));
      const auto values = Numbers(outputs->values.at("action"));
      ASSERT_EQ(values.size(), raw.size());
      for (size_t i = 0; i < raw.size(); ++i) EXPECT_EQ(values[i], 2 * raw[i]) << "the action scale";
    }
  }
}

TEST_F(PublicPolicy, AStepHasTwoHalves) {
  Policy whole = Open();
  Policy halves = Open();
  auto ahead = halves.Prepare({{kCamera, PictureOf(20, 30, 0)}});
  for (int t = 0; t < kFrames; ++t) {
    ASSERT_TRUE(ahead.ok()) << ahead.error().ToString();
    EXPECT_EQ(ahead->at(kCamera).shape(), (Shape{3, 8, 8}));
    EXPECT_TRUE(ahead->count("task.input_ids") == 1) << "with what the instruction became";
    const Values prepared = std::move(*ahead);
    ahead = halves.Prepare({{kCamera, PictureOf(20, 30, t + 1)}});  // while the graphs run, somebody would
    const auto raw = halves.Run(prepared);
    const auto outputs = whole.Step({{kCamera, PictureOf(20, 30, t)}});
    ASSERT_TRUE(raw.ok()) << raw.error().ToString();
    ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
    EXPECT_TRUE(SameBytes(raw->at("action"), outputs->raw.at("action"))) << t;
  }
  ExpectError(halves.Prepare({}), ErrorCode::kUsage, HasSubstr("lacks"));
  ExpectError(halves.Run({}), ErrorCode::kUsage, HasSubstr(kCamera));
}

TEST_F(PublicPolicy, ABlankObservationFits) {
  Policy policy = Open();
  const Observation blank = policy.Blank();
  ASSERT_EQ(blank.size(), 1U);
  EXPECT_EQ(blank.at(kCamera).shape(), (Shape{3, 8, 8}));
  EXPECT_TRUE(policy.Act(blank).ok());
}

TEST(PublicFeature, SaysWhatItsValuesAre) {
  const Feature action{"action", FeatureType::kAction, DType::kF32, {10, 3}, {"x", "y", "grip"}, {"m", "", "mm"}};
  EXPECT_EQ(action.Describe(), "action, action float32 [10, 3]: x (m), y, grip (mm)");
  EXPECT_EQ(action.NameOf(2), "grip");
  EXPECT_EQ(action.UnitOf(1), "");
  EXPECT_EQ((Feature{"task", FeatureType::kText, DType::kF32, {}, {}, {}}).Describe(), "task, text");
  const Feature nameless{"y", FeatureType::kAction, DType::kF16, {2}, {}, {}};
  EXPECT_EQ(nameless.Describe(), "y, action float16 [2]");
  EXPECT_EQ(nameless.NameOf(1), "y[1]");
  EXPECT_EQ(nameless.UnitOf(1), "");
}

TEST(PublicImage, IsReadAsCamerasGiveIt) {
  const fs::path images = fs::path(VLAQ_TESTDATA) / "image";
  const auto image = ReadImage(images / "rgb.png");
  ASSERT_TRUE(image.ok()) << image.error().ToString();
  const auto decoded = image::ReadImage(images / "rgb.png");
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(image->dtype(), DType::kU8);
  EXPECT_EQ(image->shape(), (Shape{decoded->height, decoded->width, 3}));
  EXPECT_TRUE(std::ranges::equal(image->data<uint8_t>(), decoded->rgb));
  ExpectError(ReadImage(images / "none.png"), ErrorCode::kInput, HasSubstr("none.png"));
}

TEST_F(PublicPolicy, APictureIsPreprocessedAsThePolicyWasTrained) {
  const auto bundle = bundle::Open(Bundle());
  ASSERT_TRUE(bundle.ok());
  auto preprocessor = image::Preprocessor::Make(bundle->policy.inputs[0].preprocess);
  ASSERT_TRUE(preprocessor.ok());
  Policy pictures = Open();
  Policy tensors = Open();
  for (const int t : {1, 2, 3, 4}) {
    const Tensor picture = PictureOf(17 + t, 23, t);
    const auto pixels = preprocessor->Run(picture);
    ASSERT_TRUE(pixels.ok());
    EXPECT_TRUE(SameBytes(StepOrThrow(pictures, {{kCamera, picture}}), StepOrThrow(tensors, {{kCamera, *pixels}})));
  }
}

TEST_F(PublicPolicy, ResetForgets) {
  Policy policy = Open();
  const Tensor first = StepOrThrow(policy, FrameAt(0));
  EXPECT_FALSE(SameBytes(StepOrThrow(policy, FrameAt(0)), first)) << "the window has two frames";
  policy.Reset();
  EXPECT_TRUE(SameBytes(StepOrThrow(policy, FrameAt(0)), first));
}

TEST_F(PublicPolicy, IsMovedAsAValue) {
  Policy policy = Open();
  const Tensor first = StepOrThrow(policy, FrameAt(0));
  Policy other = Open("whole");
  other = std::move(policy);
  EXPECT_EQ(other.schedule(), "streaming");
  other.Reset();
  EXPECT_TRUE(SameBytes(StepOrThrow(other, FrameAt(0)), first));
}

TEST_F(PublicPolicy, TokensReplaceTheInstruction) {
  Policy policy = Open();
  EXPECT_FALSE(policy.follows_instructions()) << "there is no tokenizer";
  ExpectError(policy.Reset("turn left"), ErrorCode::kUsage, HasSubstr("tokenizer"));
  const auto exported = policy.task().values;
  ASSERT_TRUE(exported.contains("task.input_ids"));
  const Tensor first = StepOrThrow(policy, FrameAt(0));

  std::vector<int64_t> ids(exported.at("task.input_ids").data<int64_t>().begin(),
                           exported.at("task.input_ids").data<int64_t>().end());
  ids.back() = 28;
  const Tensor tokens = Tensor::From<int64_t>({static_cast<int64_t>(ids.size())}, ids);
  ASSERT_TRUE(policy.ResetTokens({{"task.input_ids", tokens}}).ok());
  EXPECT_TRUE(SameBytes(policy.task().values.at("task.input_ids"), tokens));
  EXPECT_TRUE(policy.task().values.contains("task.attention_mask")) << "it follows from the ids";
  EXPECT_FALSE(SameBytes(StepOrThrow(policy, FrameAt(0)), first));
  policy.Reset();
  EXPECT_TRUE(SameBytes(policy.task().values.at("task.input_ids"), tokens)) << "the instruction stays";
  ASSERT_TRUE(policy.ResetTokens({{"task.input_ids", exported.at("task.input_ids")}}).ok());
  EXPECT_TRUE(SameBytes(StepOrThrow(policy, FrameAt(0)), first));
}

TEST_F(PublicPolicy, TokensThatCannotBeAreRefusedAndChangeNothing) {
  Policy policy = Open();
  Policy undisturbed = Open();
  StepOrThrow(policy, FrameAt(0));
  StepOrThrow(undisturbed, FrameAt(0));
  ExpectError(policy.ResetTokens({{"task.ids", Tensor::Make(DType::kI64, {3})}}), ErrorCode::kUsage,
              HasSubstr("task.input_ids"));
  ExpectError(policy.ResetTokens({{"task.input_ids", Tensor::Make(DType::kF32, {3})}}), ErrorCode::kUsage,
              HasSubstr("int64 [tokens]"));
  Observation with_tokens = FrameAt(1);
  with_tokens.emplace("task.input_ids", Tensor::Make(DType::kI64, {3}));
  ExpectError(policy.Step(with_tokens), ErrorCode::kUsage, HasSubstr("ResetTokens"));
  EXPECT_TRUE(SameBytes(StepOrThrow(policy, FrameAt(1)), StepOrThrow(undisturbed, FrameAt(1))));
}

TEST_F(PublicPolicy, AnInstructionIsTokenizedAndChangesTheAction) {
  if (!CanPreferOwnSymbols()) GTEST_SKIP();
  Policy policy = OpenOrThrow(TextBundle(), Reference());
  EXPECT_TRUE(policy.follows_instructions());
  EXPECT_THAT(policy.task().text, HasSubstr("turn left"));
  const Tensor exported_ids = policy.task().values.at("task.input_ids");
  const Tensor first = StepOrThrow(policy, FrameAt(0));

  ASSERT_TRUE(policy.Reset("go to the bottle").ok());
  EXPECT_THAT(policy.task().text, HasSubstr("go to the bottle"));
  EXPECT_FALSE(SameBytes(policy.task().values.at("task.input_ids"), exported_ids));
  EXPECT_FALSE(SameBytes(StepOrThrow(policy, FrameAt(0)), first));

  const Status refused = policy.Reset("\xff");
  ExpectError(refused, ErrorCode::kUsage, HasSubstr("UTF-8"));
  EXPECT_THAT(policy.task().text, HasSubstr("go to the bottle")) << "nothing has changed";
  ASSERT_TRUE(policy.Reset("TURN LEFT").ok());
  EXPECT_THAT(policy.task().complaint, HasSubstr("unknown")) << "its letters are";

  ASSERT_TRUE(policy.Reset("turn left").ok());
  EXPECT_THAT(policy.task().complaint, IsEmpty());
  EXPECT_TRUE(SameBytes(policy.task().values.at("task.input_ids"), exported_ids));
  EXPECT_TRUE(SameBytes(StepOrThrow(policy, FrameAt(0)), first));
}

TEST_F(PublicPolicy, AnotherTokenizerMayBeNamed) {
  PolicyOptions options = Reference();
  options.tokenizer = "/no/tokenizer.model";
  Policy policy = OpenOrThrow(Bundle(), options);
  EXPECT_TRUE(policy.follows_instructions()) << "it is read when it is first needed";
  ExpectError(policy.Reset("go"), ErrorCode::kInput, HasSubstr("/no/tokenizer.model"));
}

TEST_F(PublicPolicy, ABakedInstructionCannotBeReplaced) {
  Policy policy = Open("whole");
  EXPECT_FALSE(policy.follows_instructions());
  const Tensor first = StepOrThrow(policy, FrameAt(0));
  ExpectError(policy.Reset("go"), ErrorCode::kUsage, AllOf(HasSubstr("baked"), HasSubstr("'whole'")));
  ExpectError(policy.ResetTokens({}), ErrorCode::kUsage, HasSubstr("baked"));
  EXPECT_FALSE(SameBytes(StepOrThrow(policy, FrameAt(0)), first)) << "the window was not forgotten";
}

TEST_F(PublicPolicy, WrongObservationsAreRefusedAndNotRemembered) {
  Policy policy = Open();
  Policy undisturbed = Open();
  StepOrThrow(policy, FrameAt(0));
  StepOrThrow(undisturbed, FrameAt(0));
  ExpectError(policy.Step({}), ErrorCode::kUsage, AllOf(HasSubstr("lacks"), HasSubstr(kCamera)));
  Observation more = FrameAt(1);
  more.emplace("observation.state", Tensor::Make(DType::kF32, {7}));
  ExpectError(policy.Step(more), ErrorCode::kUsage, HasSubstr("no input 'observation.state'"));
  ExpectError(policy.Step({{"observation.images.fron", FrameAt(1).at(kCamera)}}), ErrorCode::kUsage,
              HasSubstr("did you mean 'observation.images.front'?"));
  for (const Tensor& wrong : {Tensor::Make(DType::kF32, {3, 8, 9}), Tensor::Make(DType::kU8, {8, 8, 4}),
                              Tensor::Make(DType::kU8, {8, 8}), Tensor()}) {
    ExpectError(policy.Step({{kCamera, wrong}}), ErrorCode::kUsage, HasSubstr(kCamera));
    ExpectError(policy.Act({{kCamera, wrong}}), ErrorCode::kUsage, HasSubstr(kCamera));
  }
  Tensor nan = Tensor::Make(DType::kF32, {3, 8, 8});
  nan.mutable_data<float>()[5] = std::nanf("");
  ExpectError(policy.Step({{kCamera, nan}}), ErrorCode::kUsage, HasSubstr("not finite"));
  for (int t = 1; t < kFrames; ++t) {
    EXPECT_TRUE(SameBytes(StepOrThrow(policy, FrameAt(t)), StepOrThrow(undisturbed, FrameAt(t)))) << t;
  }
}

TEST_F(PublicPolicy, ActGivesTheFirstActionOfEachChunk) {
  Policy acts = Open();
  Policy steps = Open();
  for (int t = 0; t < kFrames; ++t) {
    const Tensor action = ActOrThrow(acts, FrameAt(t));
    EXPECT_EQ(action.shape(), (Shape{2}));
    EXPECT_EQ(Numbers(action), Row(StepOrThrow(steps, FrameAt(t)), 0)) << t;
  }
}

// Bundles made of .onnx files, run by ONNX Runtime.
class ImportedPolicy : public ::testing::Test {
 protected:
  static fs::path File(const std::string& name) { return fs::path(VLAQ_TESTDATA) / "onnx_import" / (name + ".onnx"); }
  // `change`: of the policy that the import proposes.
  fs::path Import(const std::vector<fs::path>& files, const std::function<void(policy::Policy&)>& change = {}) {
    auto proposal = importing::ProposeFor(files);
    if (!proposal.ok()) throw std::runtime_error(proposal.error().ToString());
    if (change) change(proposal->policy);
    importing::ImportOptions options;
    options.files = files;
    options.policy = proposal->policy;
    options.policy_name = "policy.json";
    options.output = folder_.path() / std::to_string(++made_);
    const auto report = importing::Import(options, SilentLog());
    if (!report.ok()) throw std::runtime_error(report.error().ToString());
    return options.output;
  }
  // An image [3, 32, 48], a state [7] and noise [8, 32] to actions [16, 7], in two graphs.
  fs::path Split(const std::function<void(policy::Policy&)>& change = {}) {
    return Import({File("split_encoder_legacy_17"), File("split_head_legacy_17")}, change);
  }
  static Observation SplitAt(int t) {
    const auto seed = static_cast<uint64_t>(t);
    return {{"image", RandomTensor({3, 32, 48}, seed + 1, 1)}, {"state", RandomTensor({7}, seed + 100, 1)}};
  }
  static Policy Open(const fs::path& bundle, uint64_t seed = 0) {
    PolicyOptions options;
    options.threads = 1;
    options.noise_seed = seed;
    return OpenOrThrow(bundle, options);
  }

  TemporaryFolder folder_;
  int made_ = 0;
};

TEST_F(ImportedPolicy, ReadsNoInstruction) {
  Policy policy = Open(Split());
  EXPECT_FALSE(policy.follows_instructions());
  EXPECT_THAT(policy.task().values, IsEmpty());
  ExpectError(policy.Reset("go"), ErrorCode::kUsage, HasSubstr("reads no instruction"));
  ExpectError(policy.ResetTokens({}), ErrorCode::kUsage, HasSubstr("reads no instruction"));
  EXPECT_THAT(policy.Describe(), HasSubstr("ONNX Runtime"));
}

TEST_F(ImportedPolicy, NoiseIsAFunctionOfItsSeed) {
  const fs::path bundle = Split();
  Policy policy = Open(bundle, 7);
  Policy same = Open(bundle, 7);
  Policy other = Open(bundle, 8);
  const Tensor first = StepOrThrow(policy, SplitAt(0));
  EXPECT_EQ(first.shape(), (Shape{16, 7}));
  EXPECT_TRUE(SameBytes(StepOrThrow(same, SplitAt(0)), first));
  EXPECT_FALSE(SameBytes(StepOrThrow(other, SplitAt(0)), first));
  const Tensor second = StepOrThrow(policy, SplitAt(0));
  EXPECT_FALSE(SameBytes(second, first)) << "it is drawn anew at each step";
  EXPECT_TRUE(SameBytes(StepOrThrow(same, SplitAt(0)), second));
  policy.Reset();
  EXPECT_TRUE(SameBytes(StepOrThrow(policy, SplitAt(0)), first)) << "and begins anew with an episode";
  Observation given = SplitAt(0);
  given.emplace("noise", RandomTensor({8, 32}, 3, 1));
  EXPECT_TRUE(SameBytes(StepOrThrow(policy, given), StepOrThrow(other, given))) << "it may be given";
}

TEST_F(ImportedPolicy, APictureBecomesAsWideAndHighAsTheGraphTakesIt) {
  Policy policy = Open(Split());
  Observation observation = SplitAt(0);
  const Tensor picture = PictureOf(32, 48, 5);  // of the size already: nothing is resized
  Tensor pixels = Tensor::Make(DType::kF32, {3, 32, 48});
  constexpr size_t kPixels = 1536;
  for (size_t i = 0; i < kPixels; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      pixels.mutable_data<float>()[c * kPixels + i] = static_cast<float>(picture.data<uint8_t>()[3 * i + c]) / 255;
    }
  }
  observation["image"] = picture;
  const auto from_picture = policy.Step(observation);
  ASSERT_TRUE(from_picture.ok()) << from_picture.error().ToString();
  observation["image"] = pixels;
  policy.Reset();
  const std::vector<float> expected = Numbers(StepOrThrow(policy, observation));
  const std::vector<float> actual = Numbers(from_picture->values.begin()->second);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-5F);
  observation["image"] = PictureOf(100, 60, 5);
  EXPECT_TRUE(policy.Step(observation).ok()) << "and of any size";
}

TEST_F(ImportedPolicy, ActPlaysAsManyActionsOfAChunkAsThePolicySays) {
  const fs::path bundle = Split([](policy::Policy& policy) { policy.control.n_action_steps = 4; });
  Policy acts = Open(bundle);
  Policy steps = Open(bundle);
  Tensor chunk;
  for (int t = 0; t < 10; ++t) {
    if (t % 4 == 0) chunk = StepOrThrow(steps, SplitAt(t));
    EXPECT_EQ(Numbers(ActOrThrow(acts, SplitAt(t))), Row(chunk, t % 4)) << t;
  }
  acts.Reset();
  steps.Reset();
  EXPECT_EQ(Numbers(ActOrThrow(acts, SplitAt(3))), Row(StepOrThrow(steps, SplitAt(3)), 0)) << "nothing is left to play";
}

TEST_F(ImportedPolicy, ActMeansThePredictionsOfATemporalEnsemble) {
  const fs::path bundle = Split([](policy::Policy& policy) { policy.control.temporal_ensemble_coeff = 0.5; });
  Policy acts = Open(bundle);
  Policy steps = Open(bundle);
  const std::vector<float> first = Row(StepOrThrow(steps, SplitAt(0)), 1);
  EXPECT_EQ(ActOrThrow(acts, SplitAt(0)).shape(), (Shape{7}));
  const std::vector<float> second = Row(StepOrThrow(steps, SplitAt(1)), 0);
  const std::vector<float> action = Numbers(ActOrThrow(acts, SplitAt(1)));
  const float weight = std::exp(-0.5F);
  for (size_t i = 0; i < action.size(); ++i) {
    EXPECT_NEAR(action[i], (first[i] + weight * second[i]) / (1 + weight), 1e-5F);
  }
}

TEST_F(ImportedPolicy, OutputsMayBeSingleActions) {
  Policy policy = Open(Import({File("hand_unnamed_gemm_13")}));
  const Observation observation{{"obs", RandomTensor({8}, 1, 1)}};
  const Tensor action = StepOrThrow(policy, observation);
  EXPECT_EQ(action.shape(), (Shape{4}));
  EXPECT_TRUE(SameBytes(ActOrThrow(policy, observation), action));
}

TEST_F(ImportedPolicy, ValuesAreFloatWhateverTheGraphGives) {
  for (const std::string name : {"hand_double", "hand_float16"}) {
    Policy policy = Open(Import({File(name)}));
    const Observation observation{{"obs", RandomTensor({8}, 1, 1)}};
    const auto outputs = policy.Step(observation);
    ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
    EXPECT_EQ(outputs->raw.at("y").dtype(), name == "hand_double" ? DType::kF64 : DType::kF16);
    EXPECT_EQ(outputs->raw.at("y").dtype(), policy.outputs().front().dtype);
    ASSERT_EQ(outputs->values.at("y").dtype(), DType::kF32) << name;
    EXPECT_TRUE(SameBytes(ActOrThrow(policy, observation), outputs->values.at("y")));
  }
}

TEST_F(ImportedPolicy, AMemoryOfItsOwnIsForgottenWithTheEpisode) {
  Policy policy = Open(Import({File("hand_recurrent_17")}));
  const Observation observation{{"x", RandomTensor({1, 6}, 1, 1)}};
  const Tensor first = ActOrThrow(policy, observation);
  EXPECT_FALSE(SameBytes(ActOrThrow(policy, observation), first));
  policy.Reset();
  EXPECT_TRUE(SameBytes(ActOrThrow(policy, observation), first));
}

TEST_F(ImportedPolicy, WhatIsNoActionCannotBePlayed) {
  using importing::testing::MakeNode;
  using importing::testing::Value;
  onnx::Graph graph;
  graph.inputs = {Value("x", {2, 3, 4})};
  graph.outputs = {Value("y", {2, 3, 4})};
  graph.nodes = {MakeNode("Neg", "n", {"x"}, {"y"})};
  const auto text = onnx::Serialize(importing::testing::ModelOf(std::move(graph)));
  ASSERT_TRUE(text.ok());
  const fs::path file = folder_.path() / "net.onnx";
  ASSERT_TRUE(WriteFile(file, *text, Existing::kReplace).ok());
  Policy policy = Open(Import({file}));
  const Observation observation{{"x", RandomTensor({2, 3, 4}, 1, 1)}};
  EXPECT_EQ(StepOrThrow(policy, observation).shape(), (Shape{2, 3, 4}));
  ExpectError(policy.Act(observation), ErrorCode::kUsage, AllOf(HasSubstr("'y'"), HasSubstr("[2, 3, 4]")));
}

}  // namespace
}  // namespace vlaq
