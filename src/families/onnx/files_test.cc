// Each file becomes a bundle whose graphs compute what the file's did, or is refused with the reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "backend/onnxruntime/onnxruntime.h"
#include "base/testing.h"
#include "families/onnx/files_testing.h"
#include "families/onnx/import.h"

namespace vlaq::importing {
namespace {
namespace fs = std::filesystem;
using testing::BoundOf;
using testing::Distance;
using ::testing::HasSubstr;
using testing::kRefused;
using testing::kWithoutNumbers;
using ::testing::Not;
using testing::Recorded;

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
  for (const auto& [output, value] : expected) {
    ASSERT_TRUE(outputs->contains(output)) << output;
    EXPECT_LE(Distance(outputs->at(output), value), BoundOf(name)) << output;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ImportedFile, ::testing::ValuesIn(testing::Files()),
                         [](const auto& file) { return file.param.stem().string(); });

TEST(ImportedFiles, OwnOnesAreThere) {
  EXPECT_GE(std::distance(fs::directory_iterator(testing::kOwn), fs::directory_iterator()), 12);
}

}  // namespace
}  // namespace vlaq::importing
