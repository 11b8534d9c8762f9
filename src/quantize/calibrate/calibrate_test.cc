// A tiny policy of the true structure on our reference back end, so that every number can be asked for again.
#include "quantize/calibrate/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "backend/reference/reference.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/testing.h"
#include "export/testing.h"
#include "families/kosmos2_lstm/testing.h"
#include "quantize/calibrate/sample_frames.h"
#include "quantize/numerics/statistics_file.h"
#include "runtime/testing.h"

namespace vlaq::calibrate {
namespace {

namespace fs = std::filesystem;
using kosmos2_lstm::testing::TinyPolicy;
using numerics::ActivationStatistics;
using numerics::ValueStatistics;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Noise, another for every frame.
class NoiseSource : public SampleSource {
 public:
  explicit NoiseSource(int episodes = 3) {
    for (int i = 0; i < episodes; ++i) {
      const std::string name = "e" + std::to_string(i);
      episodes_.push_back({name, 4 + 3 * i, i % 2 == 0 ? "left" : "right"});
    }
  }
  const std::vector<SampleEpisode>& episodes() const override { return episodes_; }
  Result<std::string> Hash(size_t episode) override { return "hash of " + episodes_[episode].name; }
  Result<backend::NamedTensors> Read(size_t episode, int64_t t) override {
    Tensor picture = Tensor::Make(DType::kU8, {8, 8, 3});
    Random random(episode, static_cast<uint64_t>(t));
    for (uint8_t& byte : picture.mutable_data<uint8_t>()) byte = static_cast<uint8_t>(random.Below(256));
    return backend::NamedTensors{{"observation.images.front", picture}};
  }

 private:
  std::vector<SampleEpisode> episodes_;
};

Tensor Row(const std::vector<int64_t>& numbers) {
  return Tensor::From<int64_t>({static_cast<int64_t>(numbers.size())}, numbers);
}

// The instruction of the export, with another word at the end for "right", and padding.
class TestEncoder : public runtime::TextEncoder {
 public:
  explicit TestEncoder(const bundle::Bundle& bundle, size_t padding = 0) : padding_(padding) {
    exported_ = (*runtime::OpenTextEncoder(bundle, {}))->Exported();
  }
  const runtime::EncodedTask& Exported() const override { return exported_; }
  Result<runtime::EncodedTask> Encode(std::string_view task) const override {
    const auto numbers = [&](const std::string& name) {
      const auto values = exported_.values.at(name).data<int64_t>();
      return std::vector<int64_t>(values.begin(), values.end());
    };
    std::vector<int64_t> ids = numbers("task.input_ids"), mask = numbers("task.attention_mask");
    if (task == "right") ids.back() = 28;
    ids.insert(ids.end(), padding_, 1);
    mask.insert(mask.end(), padding_, 0);
    return runtime::EncodedTask{
        std::string(task), {{"task.input_ids", Row(ids)}, {"task.attention_mask", Row(mask)}}, ""};
  }
  Status Load() const override { return {}; }
  Result<runtime::EncodedTask> Complete(const backend::NamedTensors&) const override { return exported_; }
  bool can_encode() const override { return true; }

 private:
  runtime::EncodedTask exported_;
  size_t padding_;
};

class CollectingLog : public Log {
 public:
  void Warning(std::string_view text) override { warnings.emplace_back(text); }
  void Note(std::string_view text) override { notes.emplace_back(text); }
  void Progress(std::string_view, uint64_t done, uint64_t total) override {
    EXPECT_LE(done, total);
    steps.push_back(done);
  }
  std::vector<std::string> warnings, notes;
  std::vector<uint64_t> steps;
};

// Counts runs, and fails at one of them.
class Flaky : public backend::Backend {
 public:
  explicit Flaky(int fail_at) : fail_at_(fail_at) {}
  std::string_view name() const override { return inner_->name(); }
  std::string_view description() const override { return inner_->description(); }
  Status Available() const override { return {}; }
  std::string Version() const override { return ""; }
  Result<std::unique_ptr<backend::OpenedModel>> Open(const backend::ModelSource& source,
                                                     const backend::OpenOptions& options) const override {
    VLAQ_ASSIGN_OR_RETURN(auto model, inner_->Open(source, options));
    return std::unique_ptr<backend::OpenedModel>(new Model(std::move(model), *this));
  }
  mutable int runs = 0;

 private:
  class Model : public backend::OpenedModel {
   public:
    Model(std::unique_ptr<backend::OpenedModel> model, const Flaky& owner) : model_(std::move(model)), owner_(owner) {}
    const std::vector<backend::Port>& inputs() const override { return model_->inputs(); }
    const std::vector<backend::Port>& outputs() const override { return model_->outputs(); }
    std::string Description() const override { return ""; }
    Result<backend::NamedTensors> Run(const backend::NamedTensors& inputs) override {
      if (++owner_.runs == owner_.fail_at_) return Error{ErrorCode::kBackend, "no luck", "", ""};
      return model_->Run(inputs);
    }

   private:
    std::unique_ptr<backend::OpenedModel> model_;
    const Flaky& owner_;
  };
  std::unique_ptr<backend::Backend> inner_ = backend::MakeReferenceBackend();
  int fail_at_;
};

class CalibrateTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    bundle_ = new bundle::Bundle(MakeBundle("bundle", TinyPolicy()));
    encoder_ = new TestEncoder(*bundle_);
  }
  static void TearDownTestSuite() {
    delete encoder_;
    delete bundle_;
    delete folder_;
  }

  static bundle::Bundle MakeBundle(const std::string& name, const TinyPolicy& policy) {
    const fs::path place = folder_->path() / (name + "_checkpoint");
    fs::create_directory(place);
    auto bundle = exporting::testing::ExportTiny(place, policy);
    EXPECT_TRUE(bundle.ok()) << (bundle.ok() ? "" : bundle.error().ToString());
    return bundle.ok() ? *bundle : bundle::Bundle();
  }

  static CalibrationOptions Options(int64_t samples = 9) {
    CalibrationOptions options;
    options.samples = samples;
    options.seed = 5;
    options.open.threads = 1;
    return options;
  }
  Result<ActivationStatistics> Run(const CalibrationOptions& options, size_t padding = 0) {
    NoiseSource source;
    const TestEncoder encoder(*bundle_, padding);
    return Calibrate(*bundle_, *backend_, source, &encoder, options, log_);
  }
  ActivationStatistics MustRun(const CalibrationOptions& options, size_t padding = 0) {
    auto statistics = Run(options, padding);
    EXPECT_TRUE(statistics.ok()) << (statistics.ok() ? "" : statistics.error().ToString());
    return statistics.ok() ? *std::move(statistics) : ActivationStatistics();
  }
  static fs::path In(const std::string& name) { return folder_->path() / name; }

  static inline TemporaryFolder* folder_ = nullptr;
  static inline bundle::Bundle* bundle_ = nullptr;
  static inline TestEncoder* encoder_ = nullptr;
  std::unique_ptr<backend::Backend> backend_ = backend::MakeReferenceBackend();
  CollectingLog log_;
};

void ExpectSame(const ActivationStatistics& a, const ActivationStatistics& b, double tolerance) {
  ASSERT_EQ(a.values.size(), b.values.size());
  for (const auto& [name, x] : a.values) {
    const ValueStatistics* y = b.Find(name);
    ASSERT_NE(y, nullptr) << name;
    EXPECT_EQ(x.count, y->count) << name;
    EXPECT_NEAR(x.minimum, y->minimum, tolerance) << name;
    EXPECT_NEAR(x.maximum, y->maximum, tolerance) << name;
    EXPECT_NEAR(x.mean(), y->mean(), tolerance) << name;
    EXPECT_NEAR(x.rms(), y->rms(), tolerance) << name;
    EXPECT_EQ(x.histogram.count(), y->histogram.count()) << name;
    ASSERT_EQ(x.channel_mean.size(), y->channel_mean.size()) << name;
    for (size_t i = 0; i < x.channel_mean.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(x.channel_mean[i]), static_cast<double>(y->channel_mean[i]), tolerance) << name;
      EXPECT_NEAR(static_cast<double>(x.channel_absmax[i]), static_cast<double>(y->channel_absmax[i]), tolerance);
    }
  }
}

TEST_F(CalibrateTest, SaysWhatItSawWhere) {
  const ActivationStatistics statistics = MustRun(Options());
  EXPECT_EQ(statistics.samples, 9);
  EXPECT_EQ(statistics.windows, 9);
  EXPECT_EQ(statistics.seed, 5U);
  EXPECT_EQ(statistics.source.weights_sha256, bundle_->weights.sha256);
  EXPECT_TRUE(CheckBelongsTo(statistics, IdentityOf(*bundle_)).ok());
  EXPECT_EQ(statistics.source.graphs.at("encoder"), bundle_->graphs.at("encoder").sha256);
  ASSERT_EQ(statistics.episodes.size(), 3U);
  EXPECT_EQ(statistics.episodes[1].hash, "hash of e1");
  EXPECT_THAT(log_.warnings, Contains(HasSubstr("9 samples are few: 64 or more")));
  ASSERT_FALSE(log_.steps.empty());
  EXPECT_EQ(log_.steps.back(), 9U);
  // The inputs of every linear, both towers and the head, with channels.
  for (const char* name : {"vision/layer.0/layer_norm1/LayerNormalization", "text/layer.1/fc2/MatMul", "head/Relu"}) {
    SCOPED_TRACE(name);
    const std::string value =
        name == std::string("text/layer.1/fc2/MatMul") ? "text/layer.1/ffn_layernorm/LayerNormalization" : name;
    ASSERT_NE(statistics.Find(value), nullptr);
    EXPECT_FALSE(statistics.Find(value)->channel_absmax.empty());
    EXPECT_EQ(statistics.Find(value)->histogram.count(), static_cast<uint64_t>(statistics.Find(value)->count));
  }
  ASSERT_NE(statistics.Find("pixel_values"), nullptr);
  EXPECT_EQ(statistics.Find("pixel_values")->count, 9 * 3 * 8 * 8);
  ASSERT_NE(statistics.Find("text/layer.0/self_attn/Softmax"), nullptr);
  EXPECT_TRUE(statistics.Find("text/layer.0/self_attn/Softmax")->histogram.empty());
  EXPECT_EQ(statistics.Find("vision/layer.0/self_attn/q_proj/MatMul"), nullptr) << "products are not watched";
  const auto read = numerics::ParseStatistics(StatisticsText(statistics), "stats");
  ASSERT_TRUE(read.ok()) << read.error().ToString();
}

// One value, computed by hand: the encoder on each drawn frame.
TEST_F(CalibrateTest, EqualsASlowLoopOverTheSamples) {
  const std::string value = "text/layer.0/final_layer_norm/LayerNormalization";
  const ActivationStatistics statistics = MustRun(Options());
  NoiseSource source;
  std::vector<int64_t> lengths;
  for (const SampleEpisode& episode : source.episodes()) lengths.push_back(episode.length);
  const auto samples = SampleFrames(lengths, 9, 5);
  ASSERT_TRUE(samples.ok());
  const auto runner = runtime::testing::FrameRunner::Open(*bundle_, *backend_, {}, "", {{"encoder", {value}}});
  auto preprocessor = image::Preprocessor::Make(bundle_->policy.inputs[0].preprocess);
  ASSERT_TRUE(runner.ok() && preprocessor.ok());
  std::vector<float> all;
  std::array<float, 2> highest{-1e9F, -1e9F};
  for (const Sample& sample : *samples) {
    const Tensor picture = source.Read(sample.episode, sample.t)->at("observation.images.front");
    const auto pixels = preprocessor->Run(image::ImageView(8, 8, picture.data<uint8_t>()));
    (*runner)->task = encoder_->Encode(*source.episodes()[sample.episode].instruction)->values;
    const auto action = (*runner)->Step(*pixels);
    ASSERT_TRUE(action.ok()) << action.error().ToString();
    for (const float x : (*runner)->Seen("encoder." + value).data<float>()) {
      all.push_back(x);
      float& high = highest[static_cast<size_t>(sample.half)];
      high = std::max(high, x);
    }
  }
  const ValueStatistics& seen = *statistics.Find(value);
  EXPECT_EQ(seen.count, static_cast<int64_t>(all.size()));
  EXPECT_EQ(seen.maximum, static_cast<double>(*std::max_element(all.begin(), all.end())));
  EXPECT_EQ(seen.minimum, static_cast<double>(*std::min_element(all.begin(), all.end())));
  numerics::Histogram histogram;
  histogram.Add(all);
  EXPECT_EQ(seen.histogram, histogram);
  for (size_t half = 0; half < 2; ++half) EXPECT_EQ(seen.halves[half].high, static_cast<double>(highest[half]));
  const size_t width = seen.channel_mean.size();
  EXPECT_EQ(width, 12U);
  for (size_t c = 0; c < width; ++c) {
    double sum = 0;
    float most = 0;
    for (size_t i = c; i < all.size(); i += width) {
      sum += static_cast<double>(all[i]);
      most = std::max(most, std::fabs(all[i]));
    }
    EXPECT_NEAR(static_cast<double>(seen.channel_mean[c]),
                sum * static_cast<double>(width) / static_cast<double>(all.size()), 1e-6);
    EXPECT_EQ(seen.channel_absmax[c], most);
  }
}

TEST_F(CalibrateTest, TheHeadSeesWindowsAsAtRunTime) {
  const ActivationStatistics statistics = MustRun(Options(21));  // all frames of all episodes
  // Episodes of 4, 7 and 10 frames, a window of 3: 1 + 2 + 3 + 3 ... features.
  const int64_t features = (3 + 2 * 3) + (3 + 5 * 3) + (3 + 8 * 3);
  ASSERT_NE(statistics.Find("head/Transpose"), nullptr);
  EXPECT_EQ(statistics.Find("head/Transpose")->count, features * 12);
  EXPECT_EQ(statistics.Find("head/Relu")->count, 21 * 7);
}

TEST_F(CalibrateTest, BatchThreadsAndMemoryChangeNothing) {
  const ActivationStatistics reference = MustRun(Options());
  for (const int64_t batch : {2, 4}) {
    CalibrationOptions options = Options();
    options.batch = batch;
    ExpectSame(MustRun(options), reference, 1e-5);
  }
  CalibrationOptions threads = Options();
  threads.open.threads = 3;
  EXPECT_EQ(StatisticsText(MustRun(threads)), StatisticsText(reference));
  CalibrationOptions little = Options();
  little.memory_bytes = 8000;
  log_.notes.clear();
  EXPECT_EQ(StatisticsText(MustRun(little)), StatisticsText(reference));
  EXPECT_THAT(log_.notes, Contains(HasSubstr("passes over the samples")));
}

TEST_F(CalibrateTest, PaddingDoesNotCount) {
  const ActivationStatistics plain = MustRun(Options());
  const ActivationStatistics with_padding = MustRun(Options(), 3);
  ASSERT_EQ(with_padding.values.size(), plain.values.size());
  for (const auto& [name, value] : plain.values) {
    if (name.find("Softmax") != std::string::npos || name.ends_with("self_attn/Add")) continue;  // wider by the padding
    SCOPED_TRACE(name);
    const ValueStatistics& other = *with_padding.Find(name);
    EXPECT_EQ(other.count, value.count);
    EXPECT_NEAR(other.maximum, value.maximum, 1e-5);
    EXPECT_NEAR(other.minimum, value.minimum, 1e-5);
    EXPECT_NEAR(other.mean(), value.mean(), 1e-5);
  }
}

TEST_F(CalibrateTest, GoesOnAfterAnInterruption) {
  const std::string expected = StatisticsText(MustRun(Options()));
  for (const uint64_t memory : {uint64_t{1} << 30U, uint64_t{20000}}) {
    for (const int fail_at : {2, 12, 20}) {
      CalibrationOptions options = Options();
      options.memory_bytes = memory;
      options.progress_file = In("stats.json.part");
      options.save_every_s = 0;
      NoiseSource source;
      const Flaky flaky(fail_at);
      const auto failed = Calibrate(*bundle_, flaky, source, encoder_, options, log_);
      ASSERT_FALSE(failed.ok());
      EXPECT_EQ(failed.error().code, ErrorCode::kBackend);
      ASSERT_EQ(fs::exists(options.progress_file), fail_at > 2) << "something was seen";
      const Flaky counting(-1);
      const auto resumed = Calibrate(*bundle_, counting, source, encoder_, options, log_);
      ASSERT_TRUE(resumed.ok()) << resumed.error().ToString();
      EXPECT_EQ(StatisticsText(*resumed), expected);
      EXPECT_TRUE(fs::exists(options.progress_file)) << "the caller removes it";
      fs::remove(options.progress_file);
    }
  }
  EXPECT_THAT(log_.notes, Contains(HasSubstr("going on from")));
}

TEST_F(CalibrateTest, AnotherCalibrationsProgressIsRefused) {
  CalibrationOptions options = Options();
  options.progress_file = In("other.part");
  options.save_every_s = 0;
  MustRun(options);
  const auto refused = [&](const CalibrationOptions& other, ErrorCode code, const std::string& message) {
    const auto statistics = Run(other);
    ASSERT_FALSE(statistics.ok()) << message;
    EXPECT_EQ(statistics.error().code, code);
    EXPECT_THAT(statistics.error().ToString(), AllOf(HasSubstr("other.part"), HasSubstr(message)));
  };
  CalibrationOptions other = options;
  other.samples = 10;
  refused(other, ErrorCode::kUsage, "another samples: 9 instead of 10");
  other = options;
  other.seed = 6;
  refused(other, ErrorCode::kUsage, "another seed");
  NoiseSource fewer(2);
  const auto episodes = Calibrate(*bundle_, *backend_, fewer, encoder_, options, log_);
  ASSERT_FALSE(episodes.ok());
  EXPECT_THAT(episodes.error().ToString(), HasSubstr("another episodes"));

  const auto file = MappedFile::Open(options.progress_file);
  ASSERT_TRUE(file.ok());
  const std::string good(AsText((*file)->bytes()));
  kosmos2_lstm::testing::WriteText(options.progress_file, good.substr(0, good.size() / 2));
  refused(options, ErrorCode::kInput, "delete it to begin anew");
  kosmos2_lstm::testing::WriteText(options.progress_file, "{\"schema\": 1}");
  refused(options, ErrorCode::kInput, "is not what an interrupted");
  Json json = Json::parse(good);
  json["values"].begin().value()[0]["count"] = -5;
  kosmos2_lstm::testing::WriteText(options.progress_file, json.dump());
  refused(options, ErrorCode::kInput, "[0].count must be an integer from 0, not -5");
  json = Json::parse(good);
  json["done"] = 1000;
  kosmos2_lstm::testing::WriteText(options.progress_file, json.dump());
  refused(options, ErrorCode::kInput, "\"done\"");
}

TEST_F(CalibrateTest, NoNumberEndsItByName) {
  TinyPolicy policy;
  for (float& x : policy.Backbone("text_model.model.layers.1.ffn.fc1.weight").mutable_data<float>()) x = 3e38F;
  const bundle::Bundle bad = MakeBundle("bad", policy);
  NoiseSource source;
  const auto statistics = Calibrate(bad, *backend_, source, encoder_, Options(), log_);
  ASSERT_FALSE(statistics.ok());
  EXPECT_EQ(statistics.error().code, ErrorCode::kInput);
  EXPECT_THAT(statistics.error().ToString(), AllOf(HasSubstr("value 'text/layer.1/ffn_layernorm/LayerNormalization'"),
                                                   HasSubstr("frame "), HasSubstr("of e")));
}

TEST_F(CalibrateTest, WhatCannotBeCalibratedIsRefused) {
  EXPECT_EQ(Run(Options(22)).error().code, ErrorCode::kInput) << "there are 21 frames";
  EXPECT_EQ(Run(Options(1)).error().code, ErrorCode::kInput);
  CalibrationOptions options = Options();
  options.batch = 0;
  EXPECT_EQ(Run(options).error().code, ErrorCode::kUsage);
  bundle::Bundle quantized = *bundle_;
  quantized.plan = bundle::FileRecord{};
  NoiseSource source;
  const auto statistics = Calibrate(quantized, *backend_, source, encoder_, Options(), log_);
  ASSERT_FALSE(statistics.ok());
  EXPECT_THAT(statistics.error().ToString(), HasSubstr("quantized already"));
}

}  // namespace
}  // namespace vlaq::calibrate
