// Stage 0 must pass what is right and fail everything that issue 4 names, whoever fixed up the records afterwards.
#include "verify/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/shared_library.h"
#include "broken_bundles.h"
#include "bundle/testing.h"
#include "onnx/builder.h"

namespace vlaq::verify {
namespace {
namespace fs = std::filesystem;

using testing::AcceptFiles;
using ::testing::AllOf;
using testing::EditGraph;
using testing::EditJson;
using testing::EditWeight;
using testing::ExportTiny;
using testing::Find;
using testing::FirstFailed;
using testing::FirstFailure;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TinyPolicy;

class IdentityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    bundle_ = ExportTiny(policy_, folder_.path());
    ASSERT_FALSE(bundle_.path.empty());
  }

  // Reads policy.json anew, as the command line does.
  Report Verify(bool against = true, const fs::path& checkpoint = "") {
    const auto bundle = bundle::Open(bundle_.path, bundle::Presence::kUnchecked);
    EXPECT_TRUE(bundle.ok()) << bundle.error().ToString();
    std::shared_ptr<const checkpoint::Checkpoint> opened;
    if (against) {
      opened = *checkpoint::Checkpoint::Open(checkpoint.empty() ? folder_.path() / "model.safetensors" : checkpoint);
    }
    Report report;
    const Status status = CheckIdentity(*bundle, opened.get(), SilentLog(), report);
    EXPECT_TRUE(status.ok()) << status.error().ToString();
    return report;
  }
  fs::path Whole() const { return bundle_.GraphPath("whole"); }
  fs::path Encoder() const { return bundle_.GraphPath("encoder"); }

  TemporaryFolder folder_;
  TinyPolicy policy_;
  bundle::Bundle bundle_;
};

TEST_F(IdentityTest, PassesWhatWasExported) {
  for (const bool against : {true, false}) {
    const Report report = Verify(against);
    EXPECT_EQ(FirstFailure(report), "none");
    EXPECT_EQ(report.reached_fraction(), 1.0);
    EXPECT_THAT(report.notes, IsEmpty());
  }
  int64_t parameters = 0;
  for (const auto& [name, tensor] : policy_.tensors) parameters += tensor.size();
  EXPECT_EQ(Verify().parameters, parameters);
  EXPECT_EQ(Verify().reached_parameters, parameters);
}

TEST_F(IdentityTest, OneWeightChanged) {
  EditWeight(bundle_, "text_model.model.layers.1.ffn.fc1.weight", [](std::span<float> w) { w[17] += 1e-6F; });
  const Report report = Verify();
  EXPECT_EQ(FirstFailure(report), "files");
  EXPECT_THAT(Find(report, "files").detail, HasSubstr("weights.bin"));
  EXPECT_FALSE(Find(report, "weights").passed);
  EXPECT_THAT(Find(report, "weights").detail,
              AllOf(HasSubstr("'kosmos_model.text_model.model.layers.1.ffn.fc1.weight'"), HasSubstr("transpose")));
  EXPECT_LT(report.reached_fraction(), 1.0);
  EXPECT_THAT(Find(Verify(false), "weights").detail, HasSubstr("layers.1.ffn.fc1.weight"));
}

TEST_F(IdentityTest, OneWeightChangedAndTheRecordsToo) {
  EditWeight(bundle_, "image_to_text_projection.latent_query", [](std::span<float> w) { w[0] = -w[0]; });
  AcceptFiles(bundle_.path);
  const Report report = Verify();
  EXPECT_TRUE(Find(report, "files").passed);
  EXPECT_EQ(FirstFailure(report), "weights");
  EXPECT_THAT(Find(report, "weights").detail, HasSubstr("latent_query' differs at byte"));
}

TEST_F(IdentityTest, AnotherCheckpointOfTheSameShapes) {
  fs::create_directories(folder_.path() / "other");
  const fs::path other = TinyPolicy(false, policy_.structure, 99).Save(folder_.path() / "other");
  const Report report = Verify(true, other);
  EXPECT_EQ(FirstFailure(report), "weights");
  EXPECT_THAT(report.notes, ::testing::Contains(HasSubstr("not the file that was exported")));
  EXPECT_LT(report.reached_fraction(), 0.3);  // only the position table and the like are right
}

TEST_F(IdentityTest, OneLayerDropped) {
  kosmos2_lstm::Structure shorter = policy_.structure;
  shorter.text.layers = 1;
  TinyPolicy dropped(false, shorter);
  for (auto& [name, tensor] : dropped.tensors) tensor = policy_.tensors.at(name);
  bundle_ = ExportTiny(dropped, folder_.path() / "dropped");
  const Report report = Verify();
  EXPECT_EQ(FirstFailure(report), "weights");
  EXPECT_THAT(FirstFailed(report).detail, AllOf(HasSubstr("text_config.layers is 1"), HasSubstr("say 2")));
  EXPECT_EQ(report.reached_parameters, 0);
}

TEST_F(IdentityTest, SwappedGates) {
  EditWeight(bundle_, "rnn.weight_hh_l1", [](std::span<float> w) {  // forget and cell
    std::swap_ranges(w.begin() + 72, w.begin() + 108, w.begin() + 108);
  });
  AcceptFiles(bundle_.path);
  const Report report = Verify();
  EXPECT_EQ(FirstFailure(report), "weights");
  EXPECT_THAT(FirstFailed(report).detail, AllOf(HasSubstr("'rnn.weight_hh_l1'"), HasSubstr("lstm_gates")));
}

TEST_F(IdentityTest, StaleWeights) {
  const bundle::Bundle other = ExportTiny(TinyPolicy(false, policy_.structure, 7), folder_.path() / "other");
  fs::copy_file(other.WeightsPath(), bundle_.WeightsPath(), fs::copy_options::overwrite_existing);
  for (const bool against : {true, false}) {
    const Report report = Verify(against);
    EXPECT_EQ(FirstFailure(report), "files");
    EXPECT_FALSE(Find(report, "weights").passed);
  }
  fs::resize_file(bundle_.WeightsPath(), bundle_.weights.bytes + 1);
  EXPECT_THAT(Find(Verify(), "weights").detail, HasSubstr("bytes instead of"));
  fs::resize_file(bundle_.WeightsPath(), 1000);  // the graphs reach beyond its end
  EXPECT_THAT(Find(Verify(), "structure").detail, HasSubstr("weights.bin"));
  fs::remove(bundle_.WeightsPath());
  EXPECT_THAT(Find(Verify(), "files").detail, HasSubstr("cannot be read"));
}

// The accident that vlaq is for: the right inputs and outputs, and nothing of the policy between them.
TEST_F(IdentityTest, ARandomStandInOfTheSameShape) {
  onnx::GraphBuilder b("stand_in");
  const std::string pixels = b.Input("pixel_values", DType::kF32,
                                     {onnx::Dim::Named("batch"), onnx::Dim::Named("window"), onnx::Dim::Fixed(3),
                                      onnx::Dim::Fixed(8), onnx::Dim::Fixed(8)});
  const std::string flat = b.Op("ReduceMean", {pixels}, {{"axes", onnx::Ints{1, 2, 3}}, {"keepdims", int64_t{0}}});
  const std::string product = b.Op("MatMul", {flat, b.Constant("w", testing::RandomTensor({8, 4}, 3, 1))});
  const std::string actions = b.Op("Reshape", {b.Op("Tanh", {product}), b.Constant(onnx::Ints{0, 2, 2})});
  b.Output(actions, "actions", DType::kF32, {onnx::Dim::Named("batch"), onnx::Dim::Fixed(2), onnx::Dim::Fixed(2)});
  kosmos2_lstm::testing::WriteText(Whole(), *onnx::Serialize(onnx::MakeModel(*b.Finish(), "x")));
  AcceptFiles(bundle_.path);
  const Report report = Verify();
  EXPECT_EQ(FirstFailure(report), "structure");
  EXPECT_THAT(FirstFailed(report).detail, HasSubstr("whole is not the graph"));
  EXPECT_FALSE(Find(report, "reach").passed);
  EXPECT_LT(report.reached_fraction(), 0.01);
  EXPECT_FALSE(Find(Verify(false), "reach").passed);
}

TEST_F(IdentityTest, AResidualConnectionRemoved) {
  std::string removed;
  EditGraph(Encoder(), [&](onnx::Model& model) {
    for (onnx::Node& node : model.graph.nodes) {
      const bool residual = node.op_type == "Add" && node.name.starts_with("text/layer.1/") &&
                            node.inputs[0].find("layer.0/") != std::string::npos;
      if (!residual || !removed.empty()) continue;
      removed = node.name;
      node.op_type = "Identity";
      node.inputs.erase(node.inputs.begin());
    }
  });
  ASSERT_FALSE(removed.empty());
  AcceptFiles(bundle_.path);
  const Report report = Verify();
  EXPECT_EQ(FirstFailure(report), "structure");
  EXPECT_THAT(FirstFailed(report).detail, AllOf(HasSubstr("encoder"), HasSubstr("'" + removed + "' (Add)")));
}

TEST_F(IdentityTest, AConstantChanged) {
  bool changed = false;
  EditGraph(Whole(), [&](onnx::Model& model) {
    for (onnx::Initializer& initializer : model.graph.initializers) {
      auto* value = std::get_if<Tensor>(&initializer.data);
      if (value == nullptr || initializer.dtype != DType::kF32 || !initializer.shape.empty()) continue;
      if (std::abs(value->data<float>()[0] - std::sqrt(12.0F)) > 1e-6F) continue;  // the embedding's scale
      *value = Tensor::Scalar(1.0F);
      changed = true;
    }
  });
  ASSERT_TRUE(changed);
  AcceptFiles(bundle_.path);
  EXPECT_EQ(FirstFailure(Verify()), "structure");
  EXPECT_THAT(FirstFailed(Verify()).detail, HasSubstr("whose value is another"));
}

TEST_F(IdentityTest, AWeightWithValuesOfItsOwn) {
  EditGraph(Whole(), [](onnx::Model& model) {
    for (onnx::Initializer& initializer : model.graph.initializers) {
      if (initializer.name == "rnn.weight_ih_l0") initializer.data = Tensor::Make(DType::kF32, initializer.shape);
    }
  });
  AcceptFiles(bundle_.path);
  const Report report = Verify(false);
  EXPECT_EQ(FirstFailure(report), "references");
  EXPECT_THAT(FirstFailed(report).detail, HasSubstr("'rnn.weight_ih_l0' has values of its own"));
}

TEST_F(IdentityTest, AWeightFromAnotherPlace) {
  EditGraph(Encoder(), [](onnx::Model& model) {
    for (onnx::Initializer& initializer : model.graph.initializers) {
      if (initializer.name != "text_model.model.layers.0.self_attn.k_proj.weight") continue;
      std::get<onnx::ExternalData>(initializer.data).offset = 0;
    }
  });
  AcceptFiles(bundle_.path);
  EXPECT_EQ(FirstFailure(Verify(false)), "references");
}

TEST_F(IdentityTest, AnotherTokenizer) {
  // libsentencepiece has a protobuf of its own, which must be kept from that of the graphs.
  if (!CanPreferOwnSymbols()) GTEST_SKIP();
  kosmos2_lstm::Structure structure = TinyPolicy::DefaultStructure();
  structure.text.vocabulary = 1187;
  bundle_ = ExportTiny(TinyPolicy(false, structure), folder_.path() / "told", VLAQ_TESTDATA "/tokenizer/small.model");
  const fs::path tokenizer = bundle_.path / "sentencepiece.bpe.model";
  ASSERT_TRUE(fs::exists(tokenizer));
  fs::copy_file(VLAQ_TESTDATA "/tokenizer/other.model", tokenizer, fs::copy_options::overwrite_existing);
  const Report report = Verify(true, folder_.path() / "told" / "model.safetensors");
  EXPECT_EQ(FirstFailure(report), "files");
  EXPECT_THAT(FirstFailed(report).detail, HasSubstr("sentencepiece.bpe.model"));
}

TEST_F(IdentityTest, OtherSettingsAreAnotherPolicy) {
  bundle::testing::EditSettings(bundle_.path, [](Json& json) { json["feature_source"] = "last_token"; });
  EXPECT_EQ(FirstFailure(Verify()), "structure");
  bundle::testing::EditSettings(bundle_.path, [](Json& json) {
    json["feature_source"] = "mean_hidden";
    json["prompt_ids"][8] = 26;
  });
  EXPECT_THAT(Find(Verify(), "structure").detail, HasSubstr("whole"));
}

TEST_F(IdentityTest, ABrokenGraphIsAVerdict) {
  kosmos2_lstm::testing::WriteText(Encoder(), "no protobuf");
  const Report report = Verify();
  EXPECT_EQ(FirstFailure(report), "files");
  EXPECT_FALSE(Find(report, "structure").passed);
  EXPECT_THAT(Find(report, "structure").detail, HasSubstr("encoder.onnx"));
}

// What the bundle says made it decides nothing.
TEST_F(IdentityTest, AnotherVersionsGraphsAreCompared) {
  EditJson(bundle_.path / "policy.json", [](Json& json) { json["provenance"]["vlaq_version"] = "0.0.1"; });
  EXPECT_EQ(FirstFailure(Verify()), "none");
  EditGraph(Whole(), [](onnx::Model& model) {
    for (onnx::Node& node : model.graph.nodes) {
      if (node.op_type == "Tanh") node.op_type = "Sigmoid";
    }
  });
  AcceptFiles(bundle_.path);
  EXPECT_EQ(FirstFailure(Verify()), "structure");
}

}  // namespace
}  // namespace vlaq::verify
