// Each fix makes its rule silent; what it computes is compared by tests/tensorrt/fix_test.py, which runs both graphs.
#include "check/fix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "base/testing.h"
#include "check/fixes.h"
#include "check/testing.h"

namespace vlaq::check {
namespace {

namespace fs = std::filesystem;
using onnx::GraphBuilder;
using onnx::Ints;
using testing::Build;
using ::testing::Contains;
using testing::FixedDims;
using testing::Floats;
using ::testing::HasSubstr;
using testing::Make;
using ::testing::Not;
using testing::Old;
using testing::Values;
using testing::X;

FixedModel FixedModelOf(const onnx::Model& model, const Version& version = Old()) {
  onnx::WeightFiles files(".");
  auto fixed = FixModel(model, files, version, "g");
  EXPECT_TRUE(fixed.ok());
  return fixed.ok() ? *std::move(fixed) : FixedModel{};
}

// What became of a rule's findings.
const Outcome* OutcomeOf(const FixedModel& fixed, std::string_view rule) {
  for (const Outcome& outcome : fixed.outcomes) {
    if (outcome.finding.rule->id == rule) return &outcome;
  }
  return nullptr;
}

std::string Scale(GraphBuilder& b) { return b.Constant("scale", Tensor::Scalar<float>(0.5F)); }
Build Contrib(const std::string& op_type, size_t inputs) {
  return [=](GraphBuilder& b) {
    b.SetDomain(op_type, "com.microsoft");
    std::vector<std::string> given{X(b)};
    if (inputs > 1) given.push_back(Floats(b, {4}, 0));
    b.Output(b.Op(op_type, given), "y", DType::kF32, FixedDims({2, 4}));
  };
}
Build Dequantize(const Tensor& data, const std::optional<Tensor>& zero, const onnx::Attributes& attributes = {},
                 const Tensor& scale = Tensor::Scalar<float>(0.5F)) {
  return [=](GraphBuilder& b) {
    std::vector<std::string> inputs{b.Constant("data", data), b.Constant("scale", scale)};
    if (zero) inputs.push_back(b.Constant("zero", *zero));
    b.Op("DequantizeLinear", inputs, attributes);
  };
}
Build PairAround(uint8_t zero) {
  return [=](GraphBuilder& b) {
    const std::string x = X(b), s = Scale(b), z = b.Constant("zero", Tensor::Scalar<uint8_t>(zero));
    b.Op("DequantizeLinear", {b.Op("QuantizeLinear", {x, s, z}), s, z});
  };
}

TEST(GraphFixes, SilenceTheirRules) {
  struct Row {
    std::string rule;
    Build build;
    std::string version = "8.6";
    int64_t opset = 17;
  };
  const Tensor codes = Tensor::Make(DType::kI8, {2, 4});
  const Tensor four = Values<float>({1, 2, 3, 4});
  const std::vector<Row> rows{
      {"TRT-G07", [](GraphBuilder& b) { b.Op("Gelu", {X(b)}); }, "8.6", 20},
      {"TRT-G07",
       [](GraphBuilder& b) {
         b.Op("Gelu", {X(b, DType::kF16)}, {{"approximate", "tanh"}});
       },
       "8.6", 20},
      {"TRT-G01",
       [](GraphBuilder& b) {
         b.Op("ReduceMax", {X(b), b.Constant(Ints{1})});
       },
       "8.6", 18},
      {"TRT-G02", [](GraphBuilder& b) { b.Op("Relu", {X(b)}); }, "10.3", 22},
      {"TRT-Q16a", [](GraphBuilder& b) { b.Op("Relu", {X(b)}); }, "10.3", 21},
      {"TRT-G08", Contrib("QuickGelu", 1)},
      {"TRT-G08", Contrib("Gelu", 1), "10.3"},
      {"TRT-G08", Contrib("BiasGelu", 2)},
      {"TRT-G08", Contrib("FastGelu", 1)},
      {"TRT-G10b",
       [](GraphBuilder& b) {
         b.Op("LayerNormalization", {X(b), Floats(b, {4}, 0)});
       }},
      {"TRT-G14a",
       [](GraphBuilder& b) {
         b.Ops("TopK", {X(b), b.Constant(Ints{2})}, 2, {{"sorted", int64_t{0}}});
       },
       "10.3"},
      {"TRT-A01",
       [](GraphBuilder& b) {
         b.Op("Shape", {X(b)}, {{"start", int64_t{1}}, {"end", int64_t{-1}}});
       }},
      {"TRT-G16",
       [](GraphBuilder& b) {
         b.Op("ScatterND", {X(b), b.Constant("at", Tensor::Make(DType::kI64, {1, 1})), Floats(b, {1, 4})},
              {{"reduction", "none"}});
       },
       "10.3"},
      {"TRT-L06",
       [](GraphBuilder& b) {
         b.Ops("LSTM", {X(b, DType::kF32, FixedDims({5, 2, 4})), Floats(b, {1, 12, 4}), Floats(b, {1, 12, 3})}, 3);
       }},
      {"TRT-G03b",
       [](GraphBuilder& b) {
         b.Op("Slice", {X(b), b.Constant(Ints{0}), b.Constant(Ints{std::numeric_limits<int64_t>::max()})});
       }},
      {"TRT-Q01a", Dequantize(Tensor::Make(DType::kI8, {2, 4}), std::nullopt)},
      {"TRT-Q02", PairAround(128)},
      {"TRT-Q03a", PairAround(128)},
      {"TRT-Q03b", PairAround(128), "10.3"},
      {"TRT-Q02", Dequantize(Tensor::Make(DType::kU8, {2, 4}), Tensor::Scalar<uint8_t>(128))},
      {"TRT-Q08a", Dequantize(codes, Tensor::Make(DType::kI8, {4}), {}, four)},
      {"TRT-Q08c", Dequantize(codes, Tensor::Scalar<int8_t>(0), {{"axis", int64_t{1}}}, four), "10.3"},
      {"TRT-Q12", Dequantize(Tensor::Make(DType::kI32, {4}), std::nullopt)},
      {"TRT-Q13", Dequantize(codes, Tensor::Make(DType::kI8, {4}), {{"axis", int64_t{1}}}, four)},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.rule);
    const Version& version = **target::FindImporter(row.version);
    const onnx::Model model = Make(row.build, row.opset);
    ASSERT_THAT(testing::Broken(model, row.version), Contains(row.rule));
    const FixedModel fixed = FixedModelOf(model, version);
    EXPECT_THAT(testing::Broken(fixed.model, row.version), Not(Contains(row.rule)));
    const Outcome* outcome = OutcomeOf(fixed, row.rule);
    ASSERT_NE(outcome, nullptr);
    EXPECT_TRUE(outcome->fixed);
    EXPECT_FALSE(outcome->how.empty());
  }
}

TEST(GraphFixes, AreForRulesOfTensorRt) {
  for (const GraphFix& fix : GraphFixes()) {
    EXPECT_NE(fix.rule->applies, nullptr) << fix.rule.id();
    EXPECT_FALSE(fix.what.empty());
  }
}

// A bound in a Constant node, as PyTorch writes it: the old node goes with its last reader, and no new error comes.
TEST(GraphFixes, TakeAwayWhatNobodyReadsAnyMore) {
  const onnx::Model model = Make([](GraphBuilder& b) {
    const std::string x = X(b);
    const auto constant = [&](const char* name, int64_t value) {
      return b.Op("Constant", {}, {{"value", Values<int64_t>({value})}}, name);
    };
    const auto from = constant("from", 0);
    const auto unread = constant("unread", 7);
    static_cast<void>(unread);
    b.Output(b.Op("Slice", {x, from, constant("to", std::numeric_limits<int64_t>::max())}), "y", DType::kF32,
             FixedDims({2, 4}));
  });
  const FixedModel fixed = FixedModelOf(model);
  std::set<std::string> names;
  for (const onnx::Node& node : fixed.model.graph.nodes) names.insert(node.name);
  EXPECT_EQ(names, (std::set<std::string>{"from", "unread", "Slice"}));
  for (const Finding& finding : fixed.left) EXPECT_NE(finding.rule->severity, Severity::kError) << finding.rule->id;
}

// Before IR version 4 an initializer had to be an input as well, which a new one is not.
TEST(GraphFixes, NewConstantsNeedANewerFormat) {
  onnx::Model model = Make([](GraphBuilder& b) {
    b.Op("Slice", {X(b), b.Constant(Ints{0}), b.Constant(Ints{std::numeric_limits<int64_t>::max()})});
  });
  model.ir_version = 3;
  EXPECT_EQ(FixedModelOf(model).model.ir_version, 4);
}

// What is left are the extents from start to end of those that the importer would have given.
TEST(GraphFixes, SliceOfShapeIsTheSameNumbers) {
  for (const auto& [start, end] : std::vector<std::pair<int64_t, int64_t>>{{1, 2}, {-2, 100}, {2, 1}, {0, -1}}) {
    const onnx::Model model = Make([&, start = start, end = end](GraphBuilder& b) {
      b.Op("Shape", {X(b, DType::kF32, FixedDims({2, 3, 5}))}, {{"start", start}, {"end", end}});
    });
    const FixedModel fixed = FixedModelOf(model);
    const std::string y = model.graph.nodes.back().outputs[0];
    EXPECT_EQ(onnx::KnownShapes(model, model.graph).at(y), onnx::KnownShapes(fixed.model, fixed.model.graph).at(y))
        << start << " " << end;
  }
}

// What 8.6 would silently overwrite is an error after --fix too.
TEST(GraphFixes, NeverMakeAMisreadGraphLookAccepted) {
  const auto scatter = [](GraphBuilder& b) {
    b.Output(b.Op("ScatterElements", {X(b), b.Constant("at", Tensor::Make(DType::kI64, {1, 1})), Floats(b, {1, 1})},
                  {{"reduction", "add"}}),
             "y", DType::kF32, FixedDims({2, 4}));
  };
  const FixedModel fixed = FixedModelOf(Make(scatter, 18));
  const auto errors =
      std::ranges::count(fixed.left, Severity::kError, [](const Finding& f) { return f.rule->severity; });
  EXPECT_GE(errors, 1);
  EXPECT_FALSE(OutcomeOf(fixed, "TRT-A03")->fixed);
}

// What would change numbers is left alone, with the reason.
TEST(GraphFixes, LeaveAloneWhatWouldChangeNumbers) {
  struct Row {
    std::string rule;
    Build build;
    std::string why;
    int64_t opset = 17;
  };
  const std::vector<Row> rows{
      {"TRT-Q02", PairAround(3), "quantize again"},
      {"TRT-Q01a",
       [](GraphBuilder& b) {
         b.Op("QuantizeLinear", {X(b), Scale(b)});
       },
       "UINT8 without a zero point"},
      {"TRT-G09", [](GraphBuilder& b) { b.Ops("DynamicQuantizeLinear", {X(b)}, 3); }, "calibrated ranges"},
      {"TRT-G01", [](GraphBuilder& b) { b.Op("Resize", {X(b)}, {}, "grow"); }, "'grow'", 18},
      {"TRT-G08", Contrib("SkipLayerNormalization", 2), "no composition"},
      {"TRT-O01", [](GraphBuilder& b) { b.Op("Det", {X(b)}); }, "no fix"},
      {"TRT-G03c",
       [](GraphBuilder& b) {
         b.Op("Squeeze", {X(b), b.Constant(Ints{0})});
       },
       "nothing to fix"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.rule);
    const onnx::Model model = Make(row.build, row.opset);
    const FixedModel fixed = FixedModelOf(model);
    const Outcome* outcome = OutcomeOf(fixed, row.rule);
    ASSERT_NE(outcome, nullptr);
    EXPECT_FALSE(outcome->fixed);
    EXPECT_THAT(outcome->how, HasSubstr(row.why));
    EXPECT_THAT(testing::Broken(fixed.model, "8.6"), Contains(row.rule));
  }
}

TEST(GraphFixes, RecenteredCodesAreTheSameNumbers) {
  Tensor codes = Tensor::Make(DType::kU8, {4});
  const std::array<uint8_t, 4> values{0, 127, 128, 255};
  std::copy(values.begin(), values.end(), codes.mutable_data<uint8_t>().begin());
  const FixedModel fixed =
      FixedModelOf(Make(Dequantize(codes, Tensor::Scalar<uint8_t>(128))), **target::FindImporter("10.3"));
  const onnx::Node& node = fixed.model.graph.nodes.front();
  const onnx::Initializer* data = fixed.model.graph.FindInitializer(node.inputs[0]);
  ASSERT_NE(data, nullptr);
  EXPECT_THAT(std::get<Tensor>(data->data).data<int8_t>(), ::testing::ElementsAre(-128, -1, 0, 127));
  EXPECT_EQ(fixed.model.graph.FindInitializer("data"), nullptr) << "what nobody reads any more is dropped";
}

TEST(Fix, WritesAFileWithItsWeightsAndNeverInPlace) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "in.onnx", output = folder.path() / "out.onnx";
  const onnx::Model model = Make(
      [](GraphBuilder& b) {
        const std::string x = b.Input("x", DType::kF32, FixedDims({2, 2}));
        const std::string w = b.External("w", DType::kF32, {2, 2}, {"in.bin", 16, 16});
        b.Output(b.Op("Gelu", {b.Op("MatMul", {x, w})}), "y", DType::kF32, FixedDims({2, 2}));
      },
      20);
  const std::string weights = std::string(16, 'a') + std::string(16, 'b');
  ASSERT_TRUE(WriteFile(path, *onnx::Serialize(model), Existing::kRefuse).ok());
  ASSERT_TRUE(WriteFile(folder.path() / "in.bin", weights, Existing::kRefuse).ok());

  const auto fixed = Fix(path, Old(), output, Existing::kRefuse);
  ASSERT_TRUE(fixed.ok()) << fixed.error().ToString();
  EXPECT_EQ(fixed->before.Count(Severity::kError), 2U);  // opset and Gelu
  EXPECT_EQ(fixed->after.Count(Severity::kError), 0U);
  const auto made = onnx::ReadModel(output);
  ASSERT_TRUE(made.ok()) << made.error().ToString();
  EXPECT_EQ(made->opsets.at(""), 17);
  const onnx::Initializer* w = made->graph.FindInitializer("w");
  ASSERT_NE(w, nullptr);
  EXPECT_EQ(std::get<onnx::ExternalData>(w->data).location, "out.weights.bin");
  onnx::WeightFiles files(folder.path());
  const auto tensor = files.Load(*w);
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(tensor->bytes().front(), std::byte{'b'});

  EXPECT_EQ(Fix(path, Old(), path, Existing::kReplace).error().code, ErrorCode::kUsage);
  EXPECT_EQ(Fix(path, Old(), output, Existing::kRefuse).error().code, ErrorCode::kUsage);
  EXPECT_TRUE(Fix(path, Old(), output, Existing::kReplace).ok());
}

// The copy's weights would take the place of the input's.
TEST(Fix, NeverWritesOverTheWeightsOfItsInput) {
  const TemporaryFolder folder;
  const onnx::Model model = Make([](GraphBuilder& b) {
    const std::string x = b.Input("x", DType::kF32, FixedDims({1}));
    b.Output(b.Op("Add", {x, b.External("w", DType::kF32, {1}, {"b.weights.bin", 0, 4})}), "y", DType::kF32,
             FixedDims({1}));
  });
  ASSERT_TRUE(WriteFile(folder.path() / "a.onnx", *onnx::Serialize(model), Existing::kRefuse).ok());
  ASSERT_TRUE(WriteFile(folder.path() / "b.weights.bin", "abcd", Existing::kRefuse).ok());
  const auto fixed = Fix(folder.path() / "a.onnx", Old(), folder.path() / "b.onnx", Existing::kReplace);
  ASSERT_FALSE(fixed.ok());
  EXPECT_THAT(fixed.error().ToString(), HasSubstr("holds weights of the input"));
  EXPECT_FALSE(fs::exists(folder.path() / "b.onnx"));
}

TEST(Fix, LeavesNothingBehindWhenTheResultIsNotValid) {
  const TemporaryFolder folder;
  onnx::Model model = Make([](GraphBuilder& b) {
    const std::string x = b.Input("x", DType::kF32, FixedDims({1}));
    b.Output(b.Op("Add", {x, b.External("w", DType::kF32, {1}, {"w.bin", 0, 4})}), "y", DType::kF32, FixedDims({1}));
  });
  model.graph.nodes[0].attributes["nonsense"] = int64_t{1};
  ASSERT_TRUE(WriteFile(folder.path() / "a.onnx", *onnx::Serialize(model), Existing::kRefuse).ok());
  ASSERT_TRUE(WriteFile(folder.path() / "w.bin", "abcd", Existing::kRefuse).ok());
  const auto fixed = Fix(folder.path() / "a.onnx", Old(), folder.path() / "b.onnx", Existing::kRefuse);
  ASSERT_FALSE(fixed.ok());
  EXPECT_EQ(fixed.error().code, ErrorCode::kInput);
  size_t left = 0;
  for (const auto& entry : fs::directory_iterator(folder.path())) left += entry.exists() ? 1U : 0U;
  EXPECT_EQ(left, 2U);
}

// A result that is refused takes nothing away of the one that is there, --force or not.
TEST(Fix, AnEarlierCopyStaysWholeWhenTheNewOneIsNotValid) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a.onnx", output = folder.path() / "b.onnx";
  onnx::Model model = Make([](GraphBuilder& b) {
    const std::string x = b.Input("x", DType::kF32, FixedDims({1}));
    b.Output(b.Op("Add", {x, b.External("w", DType::kF32, {1}, {"w.bin", 0, 4})}), "y", DType::kF32, FixedDims({1}));
  });
  ASSERT_TRUE(WriteFile(path, *onnx::Serialize(model), Existing::kRefuse).ok());
  ASSERT_TRUE(WriteFile(folder.path() / "w.bin", "abcd", Existing::kRefuse).ok());
  ASSERT_TRUE(Fix(path, Old(), output, Existing::kRefuse).ok());
  const auto content = [&](const fs::path& file) { return std::string(AsText((*MappedFile::Open(file))->bytes())); };
  const std::string before = content(output);
  EXPECT_EQ(content(folder.path() / "b.weights.bin"), "abcd");

  model.graph.nodes[0].attributes["nonsense"] = int64_t{1};
  ASSERT_TRUE(WriteFile(path, *onnx::Serialize(model), Existing::kReplace).ok());
  ASSERT_TRUE(WriteFile(folder.path() / "w.bin", "efgh", Existing::kReplace).ok());
  ASSERT_FALSE(Fix(path, Old(), output, Existing::kReplace).ok());
  EXPECT_EQ(content(output), before);
  EXPECT_EQ(content(folder.path() / "b.weights.bin"), "abcd");

  // Weights of somebody else are not replaced without --force, either.
  model.graph.nodes[0].attributes.erase("nonsense");
  ASSERT_TRUE(WriteFile(path, *onnx::Serialize(model), Existing::kReplace).ok());
  fs::remove(output);
  EXPECT_EQ(Fix(path, Old(), output, Existing::kRefuse).error().code, ErrorCode::kUsage);
  EXPECT_EQ(content(folder.path() / "b.weights.bin"), "abcd");
  EXPECT_TRUE(Fix(path, Old(), output, Existing::kReplace).ok());
  EXPECT_EQ(content(folder.path() / "b.weights.bin"), "efgh");
}

}  // namespace
}  // namespace vlaq::check
