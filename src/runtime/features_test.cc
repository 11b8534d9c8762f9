// Observations to values of graphs and back, against slow twins.
#include "runtime/features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/random.h"
#include "tensor/convert.h"

namespace vlaq::runtime {
namespace {

using policy::InputType;
using policy::NormalizationMode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

policy::Input State(std::string name, Shape shape, DType dtype = DType::kF32) {
  policy::Input input;
  input.name = std::move(name);
  input.shape = std::move(shape);
  input.dtype = dtype;
  return input;
}

policy::Input Camera(std::string name, int side, Shape shape) {
  policy::Input input = State(std::move(name), std::move(shape));
  input.type = InputType::kImage;
  input.preprocess.image_size = side;
  return input;
}

policy::Input HwcCamera(std::string name, Shape shape) {
  policy::Input input = Camera(std::move(name), 4, std::move(shape));
  input.layout = policy::ImageLayout::kHwc;
  input.dtype = DType::kU8;
  return input;
}

Tensor Picture(int64_t height, int64_t width, uint64_t seed) {
  Tensor picture = Tensor::Make(DType::kU8, {height, width, 3});
  Random random(seed);
  for (uint8_t& x : picture.mutable_data<uint8_t>()) x = static_cast<uint8_t>(random.Below(256));
  return picture;
}

template <typename T>
Tensor Numbers(std::vector<T> values) {
  return Tensor::From<T>({static_cast<int64_t>(values.size())}, std::span<const T>(values));
}

FeatureReader Open(std::vector<policy::Input> inputs, std::vector<policy::Output> outputs = {}) {
  policy::Policy policy;
  policy.inputs = std::move(inputs);
  policy.outputs = std::move(outputs);
  auto reader = FeatureReader::Make(policy);
  EXPECT_TRUE(reader.ok()) << reader.error().ToString();
  return std::move(*reader);
}

std::string OpenError(policy::Input input) {
  policy::Policy policy;
  policy.inputs = {std::move(input)};
  const auto reader = FeatureReader::Make(policy);
  EXPECT_FALSE(reader.ok());
  if (reader.ok()) return "";
  EXPECT_EQ(reader.error().code, ErrorCode::kInput);
  return reader.error().ToString();
}

std::string ReadError(FeatureReader& reader, const NamedTensors& observation) {
  const auto values = reader.Read(observation);
  EXPECT_FALSE(values.ok());
  if (values.ok()) return "";
  EXPECT_EQ(values.error().code, ErrorCode::kUsage) << values.error().ToString();
  return values.error().ToString();
}

double Forward(const policy::Normalization& n, double x, size_t i) {
  if (n.mode == NormalizationMode::kIdentity) return x;
  const double a = n.a.size() == 1 ? n.a[0] : n.a[i];
  const double b = n.b.empty() ? 0 : n.b.size() == 1 ? n.b[0] : n.b[i];
  if (n.mode == NormalizationMode::kMeanStd) return (x - a) / (b + 1e-8);
  if (n.mode == NormalizationMode::kMinMax) return 2 * (x - a) / (b - a) - 1;
  return x / a;
}

// Numbers for `width` elements; one for all where `single`.
policy::Normalization RandomNormalization(NormalizationMode mode, size_t width, bool single, Random& random) {
  policy::Normalization n{mode, {}, {}};
  if (mode == NormalizationMode::kIdentity) return n;
  for (size_t i = 0; i < (single ? 1 : width); ++i) {
    n.a.push_back(mode == NormalizationMode::kScale ? random.Uniform(0.1, 20) : random.Uniform(-3, 3));
    const double spread = random.Uniform(0.1, 5);
    if (mode == NormalizationMode::kMeanStd) n.b.push_back(spread);
    if (mode == NormalizationMode::kMinMax) n.b.push_back(n.a.back() + spread);
  }
  return n;
}

TEST(Features, NormalizeAndBackIsAsLeRobotComputesIt) {
  Random random(3);
  for (int trial = 0; trial < 200; ++trial) {
    const auto mode = static_cast<NormalizationMode>(random.Below(4));
    const size_t width = 1 + random.Below(9);
    const policy::Normalization n = RandomNormalization(mode, width, random.Below(2) == 0, random);
    policy::Input input = State("s", {-1, static_cast<int64_t>(width)});
    input.normalize = n;
    policy::Output output;
    output.name = "s";
    output.shape = input.shape;
    output.unnormalize = n;
    FeatureReader reader = Open({input}, {output});
    Tensor x = Tensor::Make(DType::kF32, {3, static_cast<int64_t>(width)});
    for (float& value : x.mutable_data<float>()) value = static_cast<float>(random.Uniform(-10, 10));
    const auto values = reader.Read({{"s", x}});
    ASSERT_TRUE(values.ok()) << values.error().ToString();
    const auto back = reader.Unnormalize("s", values->at("s"));
    ASSERT_TRUE(back.ok()) << back.error().ToString();
    for (size_t i = 0; i < 3 * width; ++i) {
      const auto given = static_cast<double>(x.data<float>()[i]);
      const double twin = Forward(n, given, i % width);
      const double size = 10;  // of the numbers that come into the sums
      EXPECT_NEAR(static_cast<double>(values->at("s").data<float>()[i]), twin, 3e-6 * std::max(std::abs(twin), 1.0));
      EXPECT_NEAR(static_cast<double>(back->data<float>()[i]), given, 1e-6 * size) << static_cast<int>(mode);
    }
  }
}

TEST(Features, StatisticsAreFloat32AndSoIsEveryOperation) {
  policy::Input input = State("s", {1});
  input.normalize = {NormalizationMode::kMeanStd, {0.1}, {0.3}};
  const float expected = (0.7F - 0.1F) / (0.3F + 1e-8F);
  EXPECT_EQ(Open({input}).Read({{"s", Numbers<double>({0.7})}})->at("s").data<float>()[0], expected);
}

TEST(Features, AnElementThatNeverMovedIsNoDivisionByZero) {
  policy::Input input = State("s", {2});
  input.normalize = {NormalizationMode::kMinMax, {1, 0}, {1, 2}};
  const auto values = Open({input}).Read({{"s", Numbers<float>({1, 2})}});
  ASSERT_TRUE(values.ok());
  EXPECT_THAT(values->at("s").data<float>(), ElementsAre(-1, 1));
  input.normalize = {NormalizationMode::kMeanStd, {1, 0}, {0, 1}};
  EXPECT_THAT(Open({input}).Read({{"s", Numbers<float>({1, 2})}})->at("s").data<float>(), ElementsAre(0, 2));
}

TEST(Features, NormalizationThatCannotBeIsRefused) {
  policy::Input input = State("arm", {3});
  input.normalize = {NormalizationMode::kMeanStd, {1, 2}, {1, 1, 1}};
  EXPECT_THAT(OpenError(input), AllOf(HasSubstr("inputs.arm"), HasSubstr("2 numbers of the mean for 3 elements")));
  input.normalize = {NormalizationMode::kMinMax, {1}, {}};
  EXPECT_THAT(OpenError(input), HasSubstr("0 numbers of the max"));
  input.normalize = {NormalizationMode::kScale, {0}, {}};
  EXPECT_THAT(OpenError(input), HasSubstr("divided by 0"));
  input.normalize = {NormalizationMode::kScale, {1e300}, {}};
  EXPECT_THAT(OpenError(input), HasSubstr("scale is 1e+300"));
  input.normalize = {NormalizationMode::kMeanStd, {std::nan("")}, {1}};
  EXPECT_THAT(OpenError(input), HasSubstr("mean is nan"));
  input = State("arm", {-1});
  input.normalize = {NormalizationMode::kMeanStd, {1, 2}, {1}};
  EXPECT_THAT(OpenError(input), HasSubstr("any number of"));
  input = State("arm", {3}, DType::kI64);
  input.normalize = {NormalizationMode::kScale, {2}, {}};
  EXPECT_THAT(OpenError(input), HasSubstr("int64 cannot hold normalized numbers"));
  policy::Policy policy;
  policy.outputs.resize(1);
  policy.outputs[0] = {"action", DType::kF32, {4, 2}, true, {}, {}, {NormalizationMode::kScale, {1, 2, 3}, {}}};
  EXPECT_THAT(FeatureReader::Make(policy).error().ToString(), HasSubstr("outputs.action"));
}

TEST(Features, StatesOfAnyTypeBecomeTheGraphs) {
  FeatureReader floats = Open({State("s", {2})});
  EXPECT_THAT(floats.Read({{"s", Numbers<double>({0.1, -2})}})->at("s").data<float>(), ElementsAre(0.1F, -2));
  EXPECT_THAT(floats.Read({{"s", Numbers<int64_t>({7, -2})}})->at("s").data<float>(), ElementsAre(7, -2));
  EXPECT_THAT(floats.Read({{"s", Numbers<uint8_t>({255, 0})}})->at("s").data<float>(), ElementsAre(255, 0));
  EXPECT_THAT(floats.Read({{"s", Numbers<uint64_t>({uint64_t{1} << 63, 0})}})->at("s").data<float>(),
              ElementsAre(0x1p63F, 0));
  const Tensor owned = Numbers<uint16_t>({0x3C00, 0xC000});
  EXPECT_THAT(floats.Read({{"s", Tensor::View(DType::kF16, {2}, owned.bytes(), std::make_shared<Tensor>(owned))}})
                  ->at("s")
                  .data<float>(),
              ElementsAre(1, -2));
  FeatureReader halves = Open({State("s", {2}, DType::kF16)});
  const Tensor rounded = halves.Read({{"s", Numbers<float>({1, -2})}})->at("s");
  EXPECT_EQ(rounded.dtype(), DType::kF16);
  EXPECT_EQ(LoadLittle<uint16_t>(rounded.bytes(), 2), 0xC000);
  FeatureReader integers = Open({State("s", {2}, DType::kI32)});
  EXPECT_THAT(integers.Read({{"s", Numbers<float>({3, -4})}})->at("s").data<int32_t>(), ElementsAre(3, -4));
  EXPECT_THAT(integers.Read({{"s", Numbers<int64_t>({3, -4})}})->at("s").data<int32_t>(), ElementsAre(3, -4));
  const Tensor same = Numbers<float>({1, 2});
  EXPECT_EQ(floats.Read({{"s", same}})->at("s").bytes().data(), same.bytes().data()) << "not copied";
}

TEST(Features, WhatATypeCannotHoldIsRefused) {
  FeatureReader floats = Open({State("arm", {2})});
  EXPECT_THAT(ReadError(floats, {{"arm", Numbers<int64_t>({0, 16777217})}}),
              AllOf(HasSubstr("'arm'"), HasSubstr("element 1"), HasSubstr("16777217"), HasSubstr("float32")));
  EXPECT_THAT(ReadError(floats, {{"arm", Numbers<double>({1e300, 0})}}), HasSubstr("element 0, 1e+300"));
  EXPECT_THAT(ReadError(floats, {{"arm", Numbers<double>({0, std::nan("")})}}), HasSubstr("element 1 is nan"));
  EXPECT_THAT(ReadError(floats, {{"arm", Numbers<float>({std::numeric_limits<float>::infinity(), 0})}}),
              HasSubstr("not finite"));
  EXPECT_THAT(ReadError(floats, {{"arm", Tensor::Make(DType::kC64, {2})}}), HasSubstr("complex64"));
  struct Case {
    DType dtype;
    double number;
  };
  for (const Case& test : {Case{DType::kU8, 256}, Case{DType::kU8, -1}, Case{DType::kI8, 128}, Case{DType::kI64, 0.5},
                           Case{DType::kI64, 0x1p63}, Case{DType::kU64, 0x1p64}, Case{DType::kBool, 2},
                           Case{DType::kI16, 40000}, Case{DType::kU16, 65536}, Case{DType::kU32, 0x1p32},
                           Case{DType::kI32, -0x1.8p31}, Case{DType::kF16, 1e6}, Case{DType::kI4, 1}}) {
    FeatureReader reader = Open({State("arm", {2}, test.dtype)});
    EXPECT_THAT(ReadError(reader, {{"arm", Numbers<double>({0, test.number})}}),
                AllOf(HasSubstr("'arm'"), HasSubstr(std::string(DTypeName(test.dtype)))));
  }
  policy::Input tiny = State("arm", {1});
  tiny.normalize = {NormalizationMode::kScale, {1e-30}, {}};
  FeatureReader reader = Open({tiny});
  EXPECT_THAT(ReadError(reader, {{"arm", Numbers<float>({1e30F})}}), HasSubstr("when it is normalized"));
}

TEST(Features, ShapesAreChecked) {
  FeatureReader reader = Open({State("arm", {-1, 2})});
  EXPECT_EQ(reader.Read({{"arm", Tensor::Make(DType::kF32, {5, 2})}})->at("arm").shape(), (Shape{5, 2}));
  EXPECT_EQ(reader.Read({{"arm", Tensor::Make(DType::kF32, {1, 5, 2})}})->at("arm").shape(), (Shape{5, 2}))
      << "a batch of one";
  for (const Shape& wrong : {Shape{2}, Shape{5, 3}, Shape{2, 5, 2}, Shape{1, 1, 5, 2}}) {
    EXPECT_THAT(ReadError(reader, {{"arm", Tensor::Make(DType::kF32, wrong)}}),
                AllOf(HasSubstr("'arm'"), HasSubstr(ShapeText(wrong)), HasSubstr("[-1, 2]")));
  }
  policy::Input plain = State("arm", {2});
  plain.batched = false;
  FeatureReader whole = Open({plain});
  EXPECT_THAT(ReadError(whole, {{"arm", Tensor::Make(DType::kF32, {1, 2})}}), HasSubstr("[1, 2]"));
}

TEST(Features, NamesAreCheckedAndTheNearestIsOffered) {
  policy::Input noise = State("noise", {2});
  noise.type = InputType::kNoise;
  policy::Input task;
  task.name = "task";
  task.type = InputType::kText;
  task.makes = {"input_ids"};
  FeatureReader reader = Open({State("observation.state", {2}), noise, task});
  const Tensor two = Numbers<float>({1, 2});
  const Tensor ids = Numbers<int64_t>({5, 6});
  const auto values = reader.Read({{"observation.state", two}});
  ASSERT_TRUE(values.ok());
  EXPECT_EQ(values->size(), 1U) << "noise and text may be left out";
  const auto all =
      reader.Read({{"observation.state", two}, {"noise", Numbers<double>({3, 4})}, {"task.input_ids", ids}});
  ASSERT_TRUE(all.ok()) << all.error().ToString();
  EXPECT_THAT(all->at("noise").data<float>(), ElementsAre(3, 4));
  EXPECT_THAT(all->at("task.input_ids").data<int64_t>(), ElementsAre(5, 6));
  EXPECT_THAT(ReadError(reader, {}), AllOf(HasSubstr("lacks 'observation.state'"), HasSubstr("empty")));
  EXPECT_THAT(ReadError(reader, {{"noise", two}}), AllOf(HasSubstr("lacks 'observation.state'"), HasSubstr("noise")));
  EXPECT_THAT(ReadError(reader, {{"observation.stat", two}}),
              AllOf(HasSubstr("no input 'observation.stat'"), HasSubstr("did you mean 'observation.state'")));
  EXPECT_THAT(ReadError(reader, {{"observation.state", two}, {"gripper", two}}),
              AllOf(HasSubstr("no input 'gripper'"), HasSubstr("observes: observation.state, noise, task.input_ids")));
  EXPECT_THAT(ReadError(reader, {{"observation.state", two}, {"task", ids}}), HasSubstr("no input 'task'"));
}

TEST(Features, PicturesArePreprocessedAsThePreprocessorDoesIt) {
  FeatureReader reader = Open({Camera("front", 8, {3, 8, 8}), Camera("wrist", 4, {3, -1, -1})});
  for (uint64_t seed = 1; seed < 4; ++seed) {
    const Tensor front = Picture(13, 17, seed);
    const Tensor wrist = Picture(9, 5, seed + 10);
    const auto values = reader.Read({{"front", front}, {"wrist", wrist.Reshaped({1, 9, 5, 3})}});
    ASSERT_TRUE(values.ok()) << values.error().ToString();
    for (const auto& [name, picture, side] : {std::tuple("front", &front, 8), std::tuple("wrist", &wrist, 4)}) {
      image::PreprocessSpec spec;
      spec.image_size = side;
      const auto expected = image::Preprocessor::Make(spec)->Run(*picture);
      ASSERT_EQ(values->at(name).shape(), expected->shape());
      EXPECT_TRUE(std::ranges::equal(values->at(name).bytes(), expected->bytes())) << name;
    }
  }
}

TEST(Features, PicturesMayBeAsTheGraphTakesThem) {
  FeatureReader reader = Open({Camera("front", 8, {3, 6, 10})});
  const Tensor ready = Tensor::Make(DType::kF32, {3, 6, 10});
  EXPECT_EQ(reader.Read({{"front", ready}})->at("front").bytes().data(), ready.bytes().data());
  EXPECT_THAT(ReadError(reader, {{"front", Picture(6, 10, 1)}}),
              AllOf(HasSubstr("[3, 8, 8]"), HasSubstr("[3, 6, 10]"), HasSubstr("as the graph takes it")));
  EXPECT_THAT(ReadError(reader, {{"front", Tensor::Make(DType::kF32, {3, 8, 8})}}),
              HasSubstr("uint8 [height, width, 3]"));
  EXPECT_THAT(ReadError(reader, {{"front", Tensor::Make(DType::kU8, {0, 3, 3})}}), HasSubstr("no picture"));
  Tensor blind = Tensor::Make(DType::kF32, {3, 6, 10});
  blind.mutable_data<float>()[7] = std::nanf("");
  EXPECT_THAT(ReadError(reader, {{"front", blind}}), HasSubstr("element 7 is nan"));
}

TEST(Features, PicturesOfOtherFloatTypes) {
  policy::Input camera = Camera("front", 4, {3, 4, 4});
  const Tensor picture = Picture(7, 7, 5);
  const Tensor single = Open({camera}).Read({{"front", picture}})->at("front");
  camera.dtype = DType::kF16;
  const Tensor half = Open({camera}).Read({{"front", picture}})->at("front");
  ASSERT_EQ(half.dtype(), DType::kF16);
  for (size_t i = 0; i < 48; ++i) {
    EXPECT_EQ(LoadLittle<uint16_t>(half.bytes(), 2 * i), FloatToHalf(single.data<float>()[i]));
  }
  camera.dtype = DType::kU8;  // channels first: nobody says how pixels would be scaled
  FeatureReader bytes = Open({camera});
  EXPECT_EQ(bytes.Read({{"front", Tensor::Make(DType::kU8, {3, 4, 4})}})->at("front").shape(), (Shape{3, 4, 4}));
  EXPECT_THAT(ReadError(bytes, {{"front", picture}}), HasSubstr("[3, 4, 4]"));
}

TEST(Features, ChannelsLastAreResizedOnly) {
  const Tensor picture = Picture(9, 12, 2);
  image::Resizer resizer(image::Filter::kBicubic, 6, 5);
  image::Image expected;
  ASSERT_TRUE(resizer.Resize(*image::ViewOf(picture, ""), expected).ok());
  policy::Input camera = HwcCamera("front", {5, 6, 3});
  const Tensor resized = Open({camera}).Read({{"front", picture}})->at("front");
  EXPECT_EQ(resized.shape(), (Shape{5, 6, 3}));
  EXPECT_TRUE(std::ranges::equal(resized.data<uint8_t>(), expected.rgb));
  camera.preprocess.channel_order = image::ChannelOrder::kBgr;
  const Tensor swapped = Open({camera}).Read({{"front", picture}})->at("front");
  for (size_t i = 0; i < expected.rgb.size(); ++i) {
    EXPECT_EQ(swapped.data<uint8_t>()[i], expected.rgb[i / 3 * 3 + 2 - i % 3]);
  }
  const Tensor exact = Picture(5, 6, 3);
  EXPECT_EQ(Open({HwcCamera("front", {5, 6, 3})}).Read({{"front", exact}})->at("front").bytes().data(),
            exact.bytes().data());
  EXPECT_EQ(Open({HwcCamera("front", {-1, -1, 3})}).Read({{"front", picture}})->at("front").shape(), (Shape{4, 4, 3}));
}

TEST(Features, ImagesThatCannotBeAreRefused) {
  EXPECT_THAT(OpenError(Camera("front", 0, {3, 8, 8})), AllOf(HasSubstr("inputs.front"), HasSubstr("image size 0")));
  policy::Input floats = HwcCamera("front", {4, 4, 3});
  floats.dtype = DType::kF32;
  EXPECT_THAT(OpenError(floats), AllOf(HasSubstr("hwc"), HasSubstr("float32")));
  EXPECT_THAT(OpenError(HwcCamera("front", {100000, 4, 3})), HasSubstr("100000"));
}

TEST(Features, BuffersAreWrittenAgainOnlyWhenNobodyHoldsThem) {
  FeatureReader reader = Open({Camera("front", 8, {3, 8, 8})});
  std::set<const void*> places;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    places.insert(reader.Read({{"front", Picture(9, 9, seed)}})->at("front").bytes().data());
  }
  EXPECT_EQ(places.size(), 1U);
  const Tensor held = reader.Read({{"front", Picture(9, 9, 1)}})->at("front");
  const std::vector<float> before(held.data<float>().begin(), held.data<float>().end());
  const Tensor other = reader.Read({{"front", Picture(9, 9, 2)}})->at("front");
  EXPECT_TRUE(std::ranges::equal(held.data<float>(), before));
  EXPECT_FALSE(std::ranges::equal(other.data<float>(), before));
}

TEST(Features, OutputsMeanWhatThePolicySays) {
  policy::Output action{"action", DType::kF32, {-1, 2}, true, {}, {}, {NormalizationMode::kScale, {2, 0.5}, {}}};
  policy::Output flag{"flag", DType::kI64, {1}, true, {}, {}, {}};
  const FeatureReader reader = Open({}, {action, flag});
  const Tensor chunk = Tensor::From<float>({2, 2}, std::vector<float>{1, 1, -3, 4});
  EXPECT_THAT(reader.Unnormalize("action", chunk)->data<float>(), ElementsAre(2, 0.5, -6, 2));
  EXPECT_EQ(chunk.data<float>()[0], 1) << "the value itself stays";
  EXPECT_THAT(reader.Unnormalize("action", Numbers<float>({1, 1}))->data<float>(), ElementsAre(2, 0.5));
  const Tensor integers = Numbers<int64_t>({3});
  EXPECT_EQ(reader.Unnormalize("flag", integers)->bytes().data(), integers.bytes().data());
  EXPECT_THAT(reader.Unnormalize("actions", chunk).error().ToString(), HasSubstr("did you mean 'action'"));
  EXPECT_THAT(reader.Unnormalize("action", Numbers<float>({1})).error().ToString(),
              AllOf(HasSubstr("'action'"), HasSubstr("[1]"), HasSubstr("2 elements")));
  EXPECT_THAT(reader.Unnormalize("action", Tensor::Make(DType::kC64, {2})).error().ToString(), HasSubstr("complex64"));
}

}  // namespace
}  // namespace vlaq::runtime
