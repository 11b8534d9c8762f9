// --engines: finished engines in place of a bundle's graphs, only if they are its own. No provider that runs them is
// here, so a back end plays one: it takes the model that names an engine, and runs the graph that the engine was made
// of.
#include "backend/onnxruntime/onnxruntime.h"
#include "engine/find.h"
#include "families/kosmos2_lstm/prompt.h"
#include "quantize/numerics/plan_file.h"
#include "runtime/testing.h"
#include "stand_in.h"
#include "verify/executed_precision.h"
#include "verify/runs_check.h"
#include "verify/source_check.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using verify::Check;
using verify::Report;
using verify::Untestable;

// Engines stand for the graph of the same name; opened files are remembered with the provider that they were opened
// for.
class PlaysEngines : public backend::Backend {
 public:
  explicit PlaysEngines(const bundle::Bundle& bundle) : bundle_(bundle) {}
  std::string_view name() const override { return "plays engines"; }
  std::string_view description() const override { return "test equipment"; }
  Status Available() const override { return cpu_->Available(); }
  std::string Version() const override { return "1"; }
  bool KeepsProfile() const override { return true; }
  Result<std::unique_ptr<backend::OpenedModel>> Open(const backend::ModelSource& source,
                                                     const backend::OpenOptions& options) const override {
    opened.push_back(options.provider + " " + source.file.filename().string());
    backend::OpenOptions plain = options;
    plain.provider = "cpu";
    plain.engines.clear();
    for (const auto& [role, stem] : kStems) {
      if (source.file.filename() != std::string(stem) + "_int8.trt.onnx") continue;
      return runtime::OpenGraph(bundle_, role, *cpu_, plain);
    }
    return cpu_->Open(source, plain);
  }

  mutable std::vector<std::string> opened;

 private:
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kStems = {
      {{"whole", "mae0222_model"}, {"encoder", "encoder"}, {"head", "head"}}};
  const bundle::Bundle& bundle_;
  std::unique_ptr<backend::Backend> cpu_ = backend::MakeOnnxRuntimeBackend({});
};

class Engines : public BoardTest {
 protected:
  static void SetUpTestSuite() { QuantizeFor("tensorrt-10"); }
  void SetUp() override {
    fs::remove_all(Folder());
    source_ = *bundle::Open(Bundle());
    int8_ = *bundle::Open(In("int8"));
  }

  static void Build(const std::string& parts) {
    const Ran ran = Vlaq({"build", In("int8"), "--engine-dir", Folder(), "--trtexec",
                          StandIn(In("trtexec"), "tensorrt_10"), "--parts", parts});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  }
  static backend::OpenOptions Open() {
    backend::OpenOptions open;
    open.threads = 1;
    open.provider = "tensorrt";
    open.engines = Folder();
    return open;
  }
  std::string WhyNot(std::string_view role = "head") const {
    const auto found = engine::FindEngine(int8_, role, Folder());
    EXPECT_FALSE(found.ok());
    if (found.ok()) return "";
    EXPECT_EQ(found.error().code, ErrorCode::kInput);
    return found.error().ToString();
  }

  bundle::Bundle source_, int8_;
};

TEST_F(Engines, RunInPlaceOfTheGraphs) {
  Build("encoder,head");
  const PlaysEngines player(int8_);
  const auto engines = *runtime::testing::FrameRunner::Open(int8_, player, Open());
  EXPECT_THAT(player.opened, ElementsAre("tensorrt encoder_int8.trt.onnx", "tensorrt head_int8.trt.onnx"));
  backend::OpenOptions graphs = Open();
  graphs.engines.clear();
  graphs.provider = "cpu";
  const auto plain = *runtime::testing::FrameRunner::Open(int8_, player, graphs);
  const Tensor pixels = Tensor::Make(DType::kF32, int8_.policy.inputs[0].shape);
  const auto a = engines->Step(pixels), b = plain->Step(pixels);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_TRUE(std::ranges::equal(a->data<float>(), b->data<float>()));
  const auto inside = runtime::OpenGraph(int8_, "encoder", player, Open(), {"image_embeds"});
  ASSERT_FALSE(inside.ok());
  EXPECT_THAT(inside.error().ToString(), HasSubstr("an engine gives its outputs only"));
}

TEST_F(Engines, OnlyThoseOfThisBundle) {
  EXPECT_THAT(WhyNot(), AllOf(HasSubstr("there is no such engine"), HasSubstr("--parts head")));
  Build("head");
  ASSERT_TRUE(engine::FindEngine(int8_, "head", Folder()).ok());
  const auto unquantized = engine::FindEngine(source_, "head", Folder());
  ASSERT_FALSE(unquantized.ok());
  EXPECT_THAT(unquantized.error().ToString(), HasSubstr("is not quantized for TensorRT"));
  // The same policy, quantized again with another plan: other weights, the same names.
  const Ran other = Vlaq({"quantize", Bundle(), "--target", "tensorrt-10", "--precision", "mixed", "--stats",
                          In("stats.json"), "-o", In("mixed"), "--force"});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  int8_ = *bundle::Open(In("mixed"));
  EXPECT_THAT(WhyNot(), HasSubstr("was not made of"));
}

// An earlier vlaq had names of its own; the record beside an engine says which graph it is of.
TEST_F(Engines, AreFoundUnderAnotherName) {
  Build("head");
  for (const char* end : {".trt", ".trt.json"}) {
    fs::rename(File(std::string("head_int8") + end), File(std::string("mine_head_int8") + end));
  }
  EXPECT_EQ(engine::EnginePath(int8_, "head", Folder()), File("mine_head_int8.trt"));
  EXPECT_TRUE(engine::HasEngine(int8_, "head", Folder()));
  EXPECT_FALSE(engine::HasEngine(int8_, "encoder", Folder()));
  Build("head");  // is kept, and what ONNX Runtime takes it by is written again
  EXPECT_FALSE(fs::exists(File("head_int8.trt")));
  const auto found = engine::FindEngine(int8_, "head", Folder());
  ASSERT_TRUE(found.ok()) << found.error().ToString();
  EXPECT_EQ(found->file, File("mine_head_int8.trt"));
}

TEST_F(Engines, OnlyAsTheyWereMade) {
  Build("head");
  const std::string engine = Content(File("head_int8.trt")), wrapper = File("head_int8.trt.onnx");
  std::string changed = engine;
  changed.back() ^= 1;
  Overwrite(File("head_int8.trt"), changed);
  EXPECT_THAT(WhyNot(), HasSubstr("is not the file that its record describes"));
  Overwrite(File("head_int8.trt"), engine);
  const std::string model = Content(wrapper);
  std::string elsewhere = model;
  elsewhere.replace(elsewhere.find("head_int8"), 9, "head_fp16");
  Overwrite(wrapper, elsewhere);
  EXPECT_THAT(WhyNot(), HasSubstr("does not name the engine head_int8.trt"));
  fs::remove(wrapper);
  EXPECT_THAT(WhyNot(), AllOf(HasSubstr("onnx: is missing"), HasSubstr("--parts head writes it again")));
  Overwrite(File("head_int8.trt.json"), "{}");
  EXPECT_THAT(WhyNot(), HasSubstr("it is no record of an engine"));
}

TEST_F(Engines, AreHeldAgainstTheSourceOnTheCpu) {
  Build("encoder,head");
  const PlaysEngines player(int8_);
  Report report;
  ASSERT_TRUE(verify::CheckAgainstSource(int8_, source_, verify::NoiseSteps(source_.policy), {&player, Open()},
                                         SilentLog(), report)
                  .ok());
  EXPECT_THAT(player.opened, ElementsAre("cpu encoder.onnx", "cpu head.onnx", "tensorrt encoder_int8.trt.onnx",
                                         "tensorrt head_int8.trt.onnx"));
  EXPECT_THAT(report.checks, ElementsAre(Field(&Check::name, "actions against the source"),
                                         Field(&Check::name, "features against the source")));
}

TEST_F(Engines, WhatHasNoneIsNotCalledVerified) {
  Build("encoder,head");
  const PlaysEngines player(int8_);
  const verify::NumberOptions options{&player, Open()};
  const verify::StepInputs noise = verify::NoiseSteps(int8_.policy);
  Report without;
  ASSERT_TRUE(verify::CheckRuns(int8_, noise, options, SilentLog(), without).ok());
  EXPECT_THAT(without.untestable,
              ElementsAre(Field(&Untestable::reason, HasSubstr("the graph 'whole' has no engine"))));
  EXPECT_THAT(without.checks, ElementsAre(Field(&Check::name, "runs")));
  Build("whole");
  Report with;
  ASSERT_TRUE(verify::CheckRuns(int8_, noise, options, SilentLog(), with).ok());
  EXPECT_THAT(with.untestable, IsEmpty());
  EXPECT_THAT(with.checks, ElementsAre(Field(&Check::name, "runs"), Field(&Check::name, "streaming")));
}

TEST_F(Engines, TheirRecordsSayWhatRuns) {
  Build("encoder,head");
  const PlaysEngines player(int8_);
  const auto plan = numerics::ReadPlan(int8_.path / int8_.plan->file);
  ASSERT_TRUE(plan.ok());
  const auto judged = [&] {
    Report report;
    const verify::ExecutedPrecisionOptions options{&player, Open()};
    EXPECT_TRUE(verify::CheckExecutedPrecision(int8_, &*plan, &source_, options, SilentLog(), report).ok());
    return report;
  };
  const Report good = judged();
  EXPECT_EQ(good.first_failure(), nullptr);
  EXPECT_THAT(good.checks,
              Contains(AllOf(Field(&Check::name, "layers of the engine, encoder"),
                             Field(&Check::figures, Contains(Pair("planned_kept", DoubleNear(1, 1e-9)))))));
  EXPECT_THAT(good.untestable, ElementsAre(Field(&Untestable::name, "layers of the engine, whole")));
  EXPECT_THAT(player.opened, IsEmpty()) << "nothing was run for it";
  // A record of an engine in which the layers came out wide.
  const std::string record = File("encoder_int8.trt.json");
  Json json = Json::parse(Content(record));
  for (Json& layer : json["layers"]) layer["precision"] = "float32";
  Overwrite(record, json.dump());
  const Report wide = judged();
  ASSERT_NE(wide.first_failure(), nullptr);
  EXPECT_THAT(wide.first_failure()->detail, HasSubstr("fell back"));
}

TEST_F(Engines, TheVerbsTakeThemOnTensorRtOnly) {
  Build("encoder,head");
  const std::vector<std::vector<std::string>> commands{{"run", In("int8"), "--frames", Frames()},
                                                       {"verify", In("int8")},
                                                       {"eval", In("int8"), "--rollouts", "1"},
                                                       {"bench", In("int8"), "--rounds", "1"}};
  for (std::vector<std::string> arguments : commands) {
    arguments.insert(arguments.end(), {"--engines", Folder()});
    ExpectUsage(arguments, "add --provider tensorrt");
    if (arguments[0] == "bench") continue;  // asks workers, which the test program is none of
    arguments.insert(arguments.end(), {"--provider", "tensorrt"});
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 4) << arguments[0];
    EXPECT_THAT(ran.err, HasSubstr("no execution provider 'tensorrt'")) << arguments[0];
  }
  ExpectUsage({"run", In("int8"), "--frames", Frames(), "--provider", "tensorrt", "--engines", In("nowhere")},
              "engines");
}

// An engine of 8.6 has no wrapper, and building it again gives none.
TEST_F(Engines, OfTensorRt86AreToldFromThoseThatMissTheirWrapper) {
  Build("head");
  const std::string record = File("head_int8.trt.json");
  fs::remove(File("head_int8.trt.onnx"));
  Json json = Json::parse(Content(record));
  json["builder"]["tensorrt"] = "8.6.2";
  Overwrite(record, json.dump());
  EXPECT_THAT(WhyNot(), AllOf(HasSubstr("is an engine of TensorRT 8.6.2"), HasSubstr("TensorRT 10 and later only"),
                              HasSubstr("--measure"), Not(HasSubstr("writes it again"))));
  json.erase("builder");
  Overwrite(record, json.dump());
  EXPECT_THAT(WhyNot(), HasSubstr("is missing"));
}

}  // namespace
}  // namespace vlaq
