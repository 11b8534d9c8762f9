// The worker's answers are the policy's actions, and nonsense gets an error each.
#include "bench/serve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "backend/reference/reference.h"
#include "base/json.h"
#include "base/testing.h"
#include "bench/inputs.h"
#include "checkpoint/checkpoint.h"
#include "export/testing.h"
#include "families/onnx/import.h"
#include "runtime/testing.h"
#include "tensor/convert.h"

namespace vlaq::bench {
namespace {

using ::testing::HasSubstr;

constexpr int kFrames = 7;

class ServeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = exporting::testing::ExportTiny(folder_.path());
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    bundle_ = std::move(*opened);
    pixels_ = *MakeUp(bundle_.policy.inputs[0], kFrames, 3, kMadeUpStream);
    ASSERT_TRUE(WriteInputs(folder_.path() / "inputs.safetensors", {{"frames", pixels_}}).ok());
  }

  // The answers to hello and then `questions`.
  std::vector<Json> Ask(Kind kind, const std::vector<std::string>& questions, int batch = 1) {
    const Json hello{{"hello", "vlaq.worker/1"},
                     {"inputs", (folder_.path() / "inputs.safetensors").string()},
                     {"threads", 1},
                     {"window", 3},
                     {"batch", batch}};
    std::string text = hello.dump() + "\n";
    for (const std::string& question : questions) text += question + "\n";
    std::istringstream in(text);
    std::ostringstream out;
    ServeOptions options;
    options.kind = kind;
    options.schedule = schedule_;
    options.path = path_.empty() ? (kind == Kind::kOnnx ? bundle_.GraphPath("whole") : bundle_.path) : path_;
    options.backend = backend_.get();
    Serve(options, in, out);
    std::vector<Json> answers;
    std::istringstream lines(out.str());
    for (std::string line; std::getline(lines, line);) answers.push_back(Json::parse(line));
    EXPECT_EQ(answers.size(), questions.size() + 1);
    return answers;
  }

  // What a control loop would do: frames 0 .. i, one after the other, round and round.
  std::vector<float> Expected(int newest) {
    auto runner = runtime::testing::FrameRunner::Open(bundle_, *backend_);
    EXPECT_TRUE(runner.ok());
    std::vector<float> action;
    for (int i = newest - 2; i <= newest; ++i) {
      Tensor frame = Tensor::Make(DType::kF32, {3, 8, 8});
      const size_t bytes = frame.bytes().size();
      const Bytes from = pixels_.bytes().subspan(static_cast<size_t>((i + kFrames) % kFrames) * bytes, bytes);
      std::copy(from.begin(), from.end(), frame.mutable_bytes().begin());
      const auto acted = (*runner)->Step(frame);
      EXPECT_TRUE(acted.ok());
      action.assign(acted->data<float>().begin(), acted->data<float>().end());
    }
    return action;
  }

  TemporaryFolder folder_;
  bundle::Bundle bundle_;
  std::filesystem::path path_;  // what to serve instead
  std::string schedule_;
  Tensor pixels_;
  std::unique_ptr<backend::Backend> backend_ = backend::MakeReferenceBackend();
};

TEST_F(ServeTest, ActsAsThePolicyDoes) {
  for (const auto& [kind, schedule] :
       std::vector<std::pair<Kind, std::string>>{{Kind::kBundle, ""}, {Kind::kBundle, "whole"}, {Kind::kOnnx, ""}}) {
    schedule_ = schedule;
    const auto answers = Ask(kind, {R"({"run": [4, 5, 1], "keep": true})"});
    ASSERT_TRUE(answers[0].contains("ready")) << answers[0];
    EXPECT_GT(answers[0]["parameters"].get<int64_t>(), 1000);
    ASSERT_TRUE(answers[1].contains("actions")) << answers[1];
    const int inputs[] = {4, 5, 1};
    for (size_t i = 0; i < 3; ++i) {
      const auto got = answers[1]["actions"][i].get<std::vector<float>>();
      const auto wanted = Expected(inputs[i]);
      ASSERT_EQ(got.size(), wanted.size());
      for (size_t j = 0; j < got.size(); ++j) EXPECT_NEAR(got[j], wanted[j], 1e-5) << "frame " << inputs[i];
      EXPECT_GT(answers[1]["wall_ns"][i].get<int64_t>(), 0);
    }
  }
}

TEST_F(ServeTest, ABatchIsCopiesOfOne) {
  schedule_ = "whole";
  const auto one = Ask(Kind::kBundle, {R"({"run": [4], "keep": true})"});
  const auto three = Ask(Kind::kBundle, {R"({"run": [4], "keep": true})"}, 3);
  ASSERT_TRUE(three[1].contains("actions")) << three[1];
  EXPECT_EQ(one[1]["actions"][0].size(), three[1]["actions"][0].size());
  EXPECT_NEAR(one[1]["actions"][0][0].get<double>(), three[1]["actions"][0][0].get<double>(), 1e-6);
  schedule_ = "streaming";
  EXPECT_THAT(Ask(Kind::kBundle, {}, 3)[0]["error"].get<std::string>(), HasSubstr("no batch"));
}

TEST_F(ServeTest, KeepsActionsToItselfUnlessAsked) {
  const auto answers = Ask(Kind::kBundle, {R"({"run": [0], "keep": false})"});
  EXPECT_FALSE(answers[1].contains("actions"));
  EXPECT_TRUE(answers[1].contains("cpu_ns"));
}

TEST_F(ServeTest, NonsenseGetsAnErrorAndTheNextQuestionAnAnswer) {
  const auto answers = Ask(Kind::kBundle, {"{", "[]", "{}", R"({"run": []})", R"({"run": [99]})", R"({"run": [-1]})",
                                           R"({"run": ["x"]})", R"({"profile": [0]})", R"({"run": [1]})"});
  for (size_t i = 1; i <= 8; ++i) EXPECT_TRUE(answers[i].contains("error")) << answers[i];
  EXPECT_TRUE(answers[9].contains("wall_ns"));
}

// Imported bundles and the files themselves, on the inputs that lie beside them, give what ONNX Runtime gave.
TEST_F(ServeTest, AnyGraphGivesWhatOnnxRuntimeGives) {
  for (const char* name : {"hand_unnamed_gemm_13", "hand_double", "hand_float16", "hand_recurrent_17"}) {
    SCOPED_TRACE(name);
    const std::filesystem::path files = VLAQ_TESTDATA "/onnx_import";
    const std::filesystem::path graph = files / (std::string(name) + ".onnx");
    const auto opened = checkpoint::Checkpoint::Open(files / (std::string(name) + ".io.safetensors"));
    ASSERT_TRUE(opened.ok());
    backend::NamedTensors observed;  // [1, ...]: one step
    std::map<std::string, Tensor> wanted;
    for (const auto& entry : (*opened)->entries()) {
      (entry.name.starts_with("in.") ? observed : wanted)[entry.name.substr(entry.name.find('.') + 1)] =
          (*opened)->Read(entry);
    }
    ASSERT_TRUE(WriteInputs(folder_.path() / "inputs.safetensors", observed).ok());
    importing::ImportOptions options;
    options.files = {graph};
    options.output = folder_.path() / name;
    const auto imported = importing::Import(options, SilentLog());
    ASSERT_TRUE(imported.ok()) << imported.error().ToString();
    for (const Kind kind : {Kind::kBundle, Kind::kOnnx}) {
      path_ = kind == Kind::kOnnx ? graph : options.output;
      const auto answers = Ask(kind, {R"({"run": [0, 0], "keep": true})"});
      ASSERT_TRUE(answers[1].contains("actions")) << answers[0] << answers[1];
      const std::string action = imported->policy.outputs[0].name;
      const auto numbers = *ToFloat32(wanted.at(action));
      for (const Json& row : answers[1]["actions"]) {
        const auto got = row.get<std::vector<float>>();
        ASSERT_EQ(got.size(), numbers.data<float>().size());
        for (size_t i = 0; i < got.size(); ++i) {
          EXPECT_NEAR(got[i], numbers.data<float>()[i], wanted.at(action).dtype() == DType::kF16 ? 2e-3 : 1e-6);
        }
      }
      if (kind == Kind::kOnnx && wanted.size() > 1) {
        EXPECT_EQ(answers[1]["outputs"].size(), wanted.size() - 1) << "the others by name";
      }
    }
  }
}

TEST_F(ServeTest, WhatIsNotGivenIsNamed) {
  path_ = std::filesystem::path(VLAQ_TESTDATA) / "onnx_import/hand_unnamed_gemm_13.onnx";
  const auto missing = Ask(Kind::kOnnx, {});
  EXPECT_THAT(missing[0]["error"].get<std::string>(), HasSubstr("the inputs hold no 'obs'"));
  ASSERT_TRUE(WriteInputs(folder_.path() / "inputs.safetensors", {{"obs", Tensor::Make(DType::kF32, {3, 9})}}).ok());
  EXPECT_THAT(Ask(Kind::kOnnx, {})[0]["error"].get<std::string>(),
              HasSubstr("takes 'obs' as float32 [8], and is given float32 [9]"));
  path_.clear();
  ASSERT_TRUE(
      WriteInputs(folder_.path() / "inputs.safetensors", {{"frames", Tensor::Make(DType::kF32, {3, 3, 9, 9})}}).ok());
  EXPECT_THAT(Ask(Kind::kBundle, {})[0]["error"].get<std::string>(),
              HasSubstr("takes frames of 8 x 8 pixels, and is given 9 x 9"));
}

TEST_F(ServeTest, NothingRunsBeforeHello) {
  std::istringstream in("{\"run\": [0]}\n");
  std::ostringstream out;
  ServeOptions options;
  options.backend = backend_.get();
  Serve(options, in, out);
  EXPECT_THAT(out.str(), HasSubstr("before hello"));
}

TEST_F(ServeTest, NothingCostsNothing) {
  const auto answers = Ask(Kind::kNull, {R"({"run": [0, 3, 5], "keep": true})"});
  EXPECT_EQ(answers[1]["actions"].size(), 3U);
  EXPECT_LT(answers[1]["wall_ns"][1].get<int64_t>(), 10'000'000);
}

}  // namespace
}  // namespace vlaq::bench
