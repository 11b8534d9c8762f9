#include "backend/onnxruntime/onnxruntime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "backend/onnxruntime/library.h"
#include "backend/onnxruntime/ort.h"
#include "backend/onnxruntime/providers.h"
#include "base/output.h"
#include "base/testing.h"
#include "onnx/builder.h"
#include "onnx/model_file.h"

namespace vlaq::backend {
namespace {

namespace fs = std::filesystem;
using onnx::Dim;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ModelSource Source(const onnx::Model& model, const fs::path& folder = ".") {
  return {"model.onnx", std::make_shared<const std::string>(*onnx::Serialize(model)), folder};
}

// y = x + x for any type, of shape [batch, 2].
onnx::Model Doubling(DType dtype, const char* op = "Add") {
  onnx::GraphBuilder b("doubling");
  const std::vector<Dim> dims{Dim::Named("batch"), Dim::Fixed(2)};
  const std::string x = b.Input("x", dtype, dims);
  b.Output(b.Op(op, {x, x}, {}, "double"), "y", dtype, dims);
  return onnx::MakeModel(*b.Finish(), "test");
}

// y = x W with W in weights.bin from byte 128 on.
onnx::Model External(int64_t rows) {
  onnx::GraphBuilder b("external");
  const std::string x = b.Input("x", DType::kF32, {Dim::Named("batch"), Dim::Fixed(rows)});
  const std::string w = b.External("w", DType::kF32, {rows, 2}, {"weights.bin", 128, static_cast<uint64_t>(rows) * 8});
  b.Output(b.Op("MatMul", {x, w}), "y", DType::kF32, {Dim::Named("batch"), Dim::Fixed(2)});
  return onnx::MakeModel(*b.Finish(), "test");
}

void WriteWeights(const fs::path& folder, int64_t rows) {
  std::string bytes(128, 'x');
  for (int64_t i = 0; i < rows * 2; ++i) {
    const auto value = static_cast<float>(i);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  ASSERT_TRUE(WriteFile(folder / "weights.bin", bytes, Existing::kReplace).ok());
}

template <typename T>
std::string ErrorOf(const T& result) {
  return result.ok() ? "ok" : result.error().ToString();
}

class OnnxRuntime : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(ErrorOf(backend_->Available()), "ok"); }

  std::unique_ptr<Backend> backend_ = MakeOnnxRuntimeBackend();
  TemporaryFolder folder_;
};

TEST_F(OnnxRuntime, DescribesItself) {
  EXPECT_EQ(backend_->name(), "onnxruntime");
  EXPECT_THAT(backend_->Version(), AllOf(HasSubstr("ONNX Runtime 1."), HasSubstr("cpu")));
  OpenOptions options;
  options.threads = 3;
  const auto model = backend_->Open(Source(Doubling(DType::kF32)), options);
  ASSERT_TRUE(model.ok()) << ErrorOf(model);
  EXPECT_THAT((*model)->Description(), AllOf(HasSubstr("ONNX Runtime 1."), HasSubstr(", cpu, 3 threads")));
  ASSERT_EQ((*model)->inputs().size(), 1U);
  EXPECT_EQ((*model)->inputs()[0].name, "x");
  EXPECT_THAT((*model)->inputs()[0].dims, ElementsAre(-1, 2));
  EXPECT_THAT((*model)->inputs()[0].dim_names, ElementsAre("batch", ""));
  EXPECT_EQ((*model)->outputs()[0].name, "y");
}

TEST_F(OnnxRuntime, RunsEveryElementType) {
  const std::pair<DType, const char*> types[] = {{DType::kF32, "Add"},    {DType::kF64, "Add"}, {DType::kI64, "Add"},
                                                 {DType::kI32, "Add"},    {DType::kF16, "Add"}, {DType::kBool, "And"},
                                                 {DType::kU8, "BitShift"}};
  for (const auto& [dtype, op] : types) {
    onnx::Model model = Doubling(dtype, op);
    if (dtype == DType::kU8) model.graph.nodes[0].attributes["direction"] = std::string("LEFT");
    const auto opened = backend_->Open(Source(model), {});
    ASSERT_TRUE(opened.ok()) << ErrorOf(opened);
    const auto outputs = (*opened)->Run({{"x", Tensor::Make(dtype, {3, 2})}});
    ASSERT_TRUE(outputs.ok()) << ErrorOf(outputs);
    EXPECT_EQ(DTypeName(outputs->at("y").dtype()), DTypeName(dtype));
    EXPECT_EQ(outputs->at("y").shape(), (Shape{3, 2}));
  }
  // bfloat16 passes through a Cast; 0x3FC0 is 1.5.
  onnx::GraphBuilder b("cast");
  const std::string x = b.Input("x", DType::kBF16, {Dim::Fixed(1)});
  b.Output(b.Op("Cast", {x}, {{"to", 1}}), "y", DType::kF32, {Dim::Fixed(1)});
  const auto opened = backend_->Open(Source(onnx::MakeModel(*b.Finish(), "")), {});
  ASSERT_TRUE(opened.ok()) << ErrorOf(opened);
  Tensor half = Tensor::Make(DType::kBF16, {1});
  half.mutable_bytes()[0] = std::byte{0xC0};
  half.mutable_bytes()[1] = std::byte{0x3F};
  EXPECT_EQ((*opened)->Run({{"x", half}})->at("y").data<float>()[0], 1.5F);
}

TEST_F(OnnxRuntime, OutputsOutliveTheSession) {
  Tensor y;
  {
    const auto model = backend_->Open(Source(Doubling(DType::kF32)), {});
    const std::vector<float> values{1, 2, 3, 4};
    y = (*model)->Run({{"x", Tensor::From<float>({2, 2}, values)}})->at("y");
    // A later run does not write into an earlier result.
    ASSERT_TRUE((*model)->Run({{"x", Tensor::Make(DType::kF32, {2, 2})}}).ok());
  }
  EXPECT_THAT(y.data<float>(), ElementsAre(2, 4, 6, 8));
}

TEST_F(OnnxRuntime, RefusesWrongInputs) {
  const auto model = backend_->Open(Source(Doubling(DType::kF32)), {});
  ASSERT_TRUE(model.ok());
  EXPECT_THAT(ErrorOf((*model)->Run({})), HasSubstr("input 'x' is missing"));
  EXPECT_THAT(ErrorOf((*model)->Run({{"x", Tensor::Make(DType::kI64, {1, 2})}})), HasSubstr("must be float32"));
  EXPECT_THAT(ErrorOf((*model)->Run({{"x", Tensor::Make(DType::kF32, {1, 3})}})), HasSubstr("[1, 3]"));
}

TEST_F(OnnxRuntime, RefusesBadModels) {
  const auto open = [&](std::string bytes) {
    const auto opened = backend_->Open({"bad.onnx", std::make_shared<const std::string>(std::move(bytes)), "."}, {});
    EXPECT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kBackend);
    return ErrorOf(opened);
  };
  EXPECT_THAT(open("this is not a model"), HasSubstr("bad.onnx"));
  EXPECT_THAT(open(*onnx::Serialize(Doubling(DType::kF32, "NoSuchOperator"))), HasSubstr("NoSuchOperator"));
}

TEST_F(OnnxRuntime, ReportsErrorsOfARun) {
  onnx::GraphBuilder b("gather");
  const std::string i = b.Input("i", DType::kI64, {});
  const std::string table = b.Constant("table", Tensor::Make(DType::kF32, {3}));
  b.Output(b.Op("Gather", {table, i}), "y", DType::kF32, {});
  const auto model = backend_->Open(Source(onnx::MakeModel(*b.Finish(), "")), {});
  ASSERT_TRUE(model.ok()) << ErrorOf(model);
  const auto outputs = (*model)->Run({{"i", Tensor::Scalar<int64_t>(3)}});
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().code, ErrorCode::kBackend);
  EXPECT_TRUE((*model)->Run({{"i", Tensor::Scalar<int64_t>(2)}}).ok());  // still usable
}

TEST_F(OnnxRuntime, ReadsExternalData) {
  WriteWeights(folder_.path(), 3);
  const ModelSource source = Source(External(3), folder_.path());
  // Two sessions over one weights file.
  const auto first = backend_->Open(source, {});
  const auto second = backend_->Open(source, {});
  ASSERT_TRUE(first.ok()) << ErrorOf(first);
  ASSERT_TRUE(second.ok()) << ErrorOf(second);
  const std::vector<float> ones{1, 1, 1};
  for (const auto* model : {&first, &second}) {
    const auto outputs = (**model)->Run({{"x", Tensor::From<float>({1, 3}, ones)}});
    ASSERT_TRUE(outputs.ok()) << ErrorOf(outputs);
    EXPECT_THAT(outputs->at("y").data<float>(), ElementsAre(0 + 2 + 4, 1 + 3 + 5));
  }
  const TemporaryFolder empty;
  EXPECT_THAT(ErrorOf(backend_->Open(Source(External(3), empty.path()), {})), HasSubstr("weights.bin"));
}

TEST_F(OnnxRuntime, ReadsAModelFile) {
  WriteWeights(folder_.path(), 3);
  const fs::path path = folder_.path() / "model.onnx";
  ASSERT_TRUE(WriteFile(path, *onnx::Serialize(External(3)), Existing::kRefuse).ok());
  const auto source = ModelSource::FromFile(path);
  ASSERT_TRUE(source.ok()) << ErrorOf(source);
  EXPECT_EQ(ErrorOf(backend_->Open(*source, {})), "ok");
}

TEST_F(OnnxRuntime, RefusesAbsentProviders) {
  OpenOptions options;
  options.provider = "no-such-provider";
  const auto model = backend_->Open(Source(Doubling(DType::kF32)), options);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::kBackend);
  EXPECT_THAT(ErrorOf(model), AllOf(HasSubstr("no-such-provider"), HasSubstr("cpu")));
}

TEST_F(OnnxRuntime, SaysWhatToInstallForAnAbsentProvider) {
  for (const char* provider : {"tensorrt", "cuda"}) {
    OpenOptions options;
    options.provider = provider;
    const auto model = backend_->Open(Source(Doubling(DType::kF32)), options);
    if (model.ok()) GTEST_SKIP() << "this library has " << provider;
    EXPECT_EQ(model.error().code, ErrorCode::kBackend);
    EXPECT_THAT(ErrorOf(model), AllOf(HasSubstr(provider), HasSubstr("it has"), HasSubstr("onnxruntime-gpu")));
  }
}

TEST_F(OnnxRuntime, TheCpuHasNoOptions) {
  OpenOptions options;
  options.provider_options = {{"device_id", "0"}};
  EXPECT_THAT(ErrorOf(backend_->Open(Source(Doubling(DType::kF32)), options)), HasSubstr("takes no options"));
  options.provider_options.clear();
  options.fallback_providers = {"cuda"};
  EXPECT_THAT(ErrorOf(backend_->Open(Source(Doubling(DType::kF32)), options)), HasSubstr("every node runs on it"));
}

// The words by which a session says where its nodes went, from the library itself.
TEST_F(OnnxRuntime, SaysWhereNodesWent) {
  const ModelSource source = Source(Doubling(DType::kF32));
  const auto library = LoadOrt("");
  ASSERT_TRUE(library.ok());
  Ort::SessionOptions options;
  options.SetLogSeverityLevel(ORT_LOGGING_LEVEL_VERBOSE);
  const OrtLogCapture log;
  const Ort::Session session(*static_cast<Ort::Env*>(library->environment), source.onnx->data(), source.onnx->size(),
                             options);
  const auto placements = ReadPlacements(log.lines());
  ASSERT_EQ(placements.size(), 1U) << ::testing::PrintToString(log.lines());
  EXPECT_EQ(placements[0].provider, "cpu");
  EXPECT_EQ(placements[0].count, 1U);
  EXPECT_THAT(CheckPlacements(placements, "tensorrt", {}, "m").error().what, HasSubstr("all 1 nodes run on cpu"));
}

TEST_F(OnnxRuntime, WritesItsProfile) {
  OpenOptions options;
  options.profile = folder_.path() / "profile";
  {
    const auto model = backend_->Open(Source(Doubling(DType::kF32)), options);
    ASSERT_TRUE(model.ok()) << ErrorOf(model);
    ASSERT_TRUE((*model)->Run({{"x", Tensor::Make(DType::kF32, {1, 2})}}).ok());
  }
  std::string text;
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    EXPECT_THAT(entry.path().filename().string(), HasSubstr("profile"));
    std::stringstream content;
    content << std::ifstream(entry.path()).rdbuf();
    text += content.str();
  }
  EXPECT_THAT(text, AllOf(HasSubstr("CPUExecutionProvider"), HasSubstr("double")));  // the node that really ran
}

TEST_F(OnnxRuntime, RefusesASecondLibrary) {
  const auto other = MakeOnnxRuntimeBackend({"/no/such/libonnxruntime.so"});
  const Status status = other->Available();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kBackend);
  EXPECT_THAT(ErrorOf(status), HasSubstr("/no/such/libonnxruntime.so"));
  EXPECT_EQ(other->Version(), "not available");
  EXPECT_EQ(ErrorOf(backend_->Available()), "ok");
  // The library in use may be named again.
  const auto loaded = LoadOrt("");
  EXPECT_EQ(ErrorOf(MakeOnnxRuntimeBackend({loaded->path})->Available()), "ok");
}

TEST(OrtSearch, AChoiceIsBinding) {
  const OrtSearch wanted = SearchFor("/a/lib.so", "/b/lib.so");
  EXPECT_TRUE(wanted.binding);
  EXPECT_THAT(wanted.candidates, ElementsAre(fs::path("/a/lib.so")));
  const OrtSearch environment = SearchFor("", "/b/lib.so");
  EXPECT_TRUE(environment.binding);
  EXPECT_THAT(environment.candidates, ElementsAre(fs::path("/b/lib.so")));
  const OrtSearch search = SearchFor("", "");
  EXPECT_FALSE(search.binding);
  EXPECT_EQ(search.candidates.back(), fs::path("libonnxruntime.so.1"));
}

// Each in a process of its own, since a process loads ONNX Runtime once.
int ExitCodeOfLoading(const fs::path& library) {
  const Status status = MakeOnnxRuntimeBackend({library})->Available();
  if (status.ok()) return 0;
  const std::string text = status.error().ToString();
  const bool says_why = text.find(library.string()) != std::string::npos && text.find("--ort") != std::string::npos;
  return says_why && status.error().code == ErrorCode::kBackend ? 4 : 1;
}

TEST(OrtLibraryDeathTest, RefusesWhatIsNotOnnxRuntime) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const TemporaryFolder folder;
  const fs::path text = folder.path() / "libonnxruntime.so";
  ASSERT_TRUE(WriteFile(text, "not a library", Existing::kRefuse).ok());
  EXPECT_EXIT(std::exit(ExitCodeOfLoading(text)), ::testing::ExitedWithCode(4), "");
  EXPECT_EXIT(std::exit(ExitCodeOfLoading("/no/such/libonnxruntime.so")), ::testing::ExitedWithCode(4), "");
  EXPECT_EXIT(std::exit(ExitCodeOfLoading("libz.so.1")), ::testing::ExitedWithCode(4), "");  // a library, but another
  const auto by_environment = [] {
    ::setenv("VLAQ_ORT", "/no/such/by/environment.so", 1);
    const Status status = MakeOnnxRuntimeBackend()->Available();
    std::exit(!status.ok() && ErrorOf(status).find("/no/such/by/environment.so") != std::string::npos ? 4 : 1);
  };
  EXPECT_EXIT(by_environment(), ::testing::ExitedWithCode(4), "");
}

}  // namespace
}  // namespace vlaq::backend
