// Files as PyTorch's exporters and people write them: each becomes a bundle whose graphs compute what the file's did,
// or is refused with the reason. testdata/onnx_import holds a few, ../shared/lerobot/onnx all of them where it is
// there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "backend/onnxruntime/onnxruntime.h"
#include "base/testing.h"
#include "checkpoint/checkpoint.h"
#include "families/onnx/import.h"

namespace vlaq::importing {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

const fs::path kOwn = fs::path(VLAQ_TESTDATA) / "onnx_import";
const fs::path kShared = fs::path(VLAQ_TESTDATA) / "../../shared/lerobot/onnx";

// Files that must not be imported, and what is said of them.
const std::map<std::string, std::string> kRefused = {
    {"hand_custom_op", "(com.acme::Magic): operators of domain 'com.acme' are not known"},
    {"hand_external_outside", "'../outside.bin' is not a file inside the model's folder"},
    {"hand_truncated", "not an ONNX model"},
    {"smolvla_step_legacy_17", "(CumSum): its input '"},
};
// Where weights were inputs, ONNX Runtime could not fold them into each other; now it does, and rounds otherwise.
const std::map<std::string, double> kRounded = {{"act_legacy_14_keep_bn", 1e-5}};
// ONNX Runtime does not open these as they are, and there are no numbers to compare with.
const std::vector<std::string> kWithoutNumbers = {"hand_same_names_13"};

std::vector<fs::path> Files() {
  std::map<std::string, fs::path> files;
  std::error_code ignored;
  for (const fs::path& folder : {kShared, kOwn}) {
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      if (entry.path().extension() == ".onnx") files[entry.path().stem().string()] = entry.path();
    }
  }
  std::vector<fs::path> paths;
  for (const auto& [name, path] : files) paths.push_back(path);
  return paths;
}

// The tensors of NAME.io.safetensors that begin with `prefix`, without it.
backend::NamedTensors Recorded(const fs::path& file, std::string_view prefix) {
  backend::NamedTensors tensors;
  fs::path io = file;
  io.replace_extension(".io.safetensors");
  const auto checkpoint = checkpoint::Checkpoint::Open(io);
  if (!checkpoint.ok()) return tensors;
  for (const checkpoint::Entry& entry : (*checkpoint)->entries()) {
    if (!entry.name.starts_with(prefix)) continue;
    Tensor copy = Tensor::Make(entry.dtype, entry.shape);  // aligned, and not of the mapped file
    std::ranges::copy((*checkpoint)->Read(entry).bytes(), copy.mutable_bytes().begin());
    tensors.emplace(entry.name.substr(prefix.size()), copy);
  }
  return tensors;
}

// The largest |a - b| / max(1, |b|).
double Distance(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return HUGE_VAL;
  if (!IsFloat(a.dtype())) return std::ranges::equal(a.bytes(), b.bytes()) ? 0 : HUGE_VAL;
  double largest = 0;
  const auto compare = [&](auto read) {
    for (int64_t i = 0; i < a.size(); ++i) {
      const double x = read(a, static_cast<size_t>(i)), y = read(b, static_cast<size_t>(i));
      const bool same = x == y || (std::isnan(x) && std::isnan(y));
      largest = std::max(largest, same ? 0 : std::abs(x - y) / std::max(1.0, std::abs(y)));
    }
  };
  if (a.dtype() == DType::kF64) {
    compare([](const Tensor& t, size_t i) { return t.data<double>()[i]; });
  } else if (a.dtype() == DType::kF32) {
    compare([](const Tensor& t, size_t i) { return static_cast<double>(t.data<float>()[i]); });
  } else {
    return std::ranges::equal(a.bytes(), b.bytes()) ? 0 : HUGE_VAL;
  }
  return largest;
}

std::string Content(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

class ImportedFile : public ::testing::TestWithParam<fs::path> {
 protected:
  Result<ImportReport> Import() {
    ImportOptions options;
    options.files = {GetParam()};
    options.output = folder_.path() / "bundle";
    return importing::Import(options, SilentLog());
  }

  TemporaryFolder folder_;
};

TEST_P(ImportedFile, ComputesTheSameOrIsRefused) {
  const std::string name = GetParam().stem().string();
  const auto report = Import();
  const auto refused = kRefused.find(name);
  if (refused != kRefused.end()) {
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::kInput);
    EXPECT_THAT(report.error().ToString(), HasSubstr(refused->second));
    EXPECT_FALSE(fs::exists(folder_.path() / "bundle"));
    return;
  }
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  const fs::path graph = folder_.path() / "bundle" / (name + ".onnx");
  const std::string bytes = Content(graph);
  EXPECT_THAT(bytes, Not(HasSubstr("stack_trace")));
  EXPECT_THAT(bytes, Not(HasSubstr("site-packages")));

  auto engine = backend::MakeOnnxRuntimeBackend();
  if (const Status available = engine->Available(); !available.ok()) GTEST_SKIP() << available.error().ToString();
  const auto source = backend::ModelSource::FromFile(graph);
  ASSERT_TRUE(source.ok()) << source.error().ToString();
  auto opened = engine->Open(*source, {.threads = 1});
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  const backend::NamedTensors expected = Recorded(GetParam(), "out.");
  if (std::ranges::find(kWithoutNumbers, name) != kWithoutNumbers.end()) return;
  ASSERT_FALSE(expected.empty()) << "no recorded outputs beside " << GetParam();
  backend::NamedTensors inputs = Recorded(GetParam(), "in.");
  for (const backend::Port& port : (*opened)->inputs()) {  // the recording gives single numbers an axis
    if (port.dims.empty() && inputs.contains(port.name)) inputs[port.name] = inputs[port.name].Reshaped({});
  }
  const auto outputs = (*opened)->Run(inputs);
  ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
  const double bound = kRounded.contains(name) ? kRounded.at(name) : 1e-6;
  for (const auto& [output, value] : expected) {
    ASSERT_TRUE(outputs->contains(output)) << output;
    EXPECT_LE(Distance(outputs->at(output), value), bound) << output;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ImportedFile, ::testing::ValuesIn(Files()),
                         [](const auto& file) { return file.param.stem().string(); });

TEST(ImportedFiles, OwnOnesAreThere) {
  EXPECT_GE(std::distance(fs::directory_iterator(kOwn), fs::directory_iterator()), 12);
}

}  // namespace
}  // namespace vlaq::importing
