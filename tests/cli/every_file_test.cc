// Every ONNX file of the material through the program: imported, run and timed, it gives what ONNX Runtime gave, or is
// refused by node.
#include "checkpoint/checkpoint.h"
#include "families/onnx/files_testing.h"
#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
namespace material = importing::testing;
using ::testing::HasSubstr;

class EveryFile : public ::testing::TestWithParam<fs::path> {
 protected:
  std::string In(const std::string& name) const { return (folder_.path() / name).string(); }
  static std::string Name() { return GetParam().stem().string(); }
  static std::string RecordedInputs() {
    fs::path io = GetParam();
    return io.replace_extension(".io.safetensors").string() + ":in.";
  }
  static bool HasNumbers() { return std::ranges::count(material::kWithoutNumbers, Name()) == 0; }

  // What the policy calls an output of its graph; nothing for one that it carries to the next step.
  std::optional<std::string> OutputOfPolicy(const std::string& output) const {
    const Json policy = Json::parse(Content(In("bundle") + "/policy.json"));
    std::string value = policy["graphs"].begin().value()["outputs"].value(output, "");
    return policy["outputs"].contains(value) ? std::optional(std::move(value)) : std::nullopt;
  }

  // The program in a process of its own: bench starts it again for each subject.
  Ran Program(const std::vector<std::string>& arguments) const {
    std::string command = "'" VLAQ_PROGRAM "'";
    for (const std::string& argument : arguments) command += " '" + argument + "'";
    command += " >'" + In("out") + "' 2>'" + In("err") + "'";
    const int status = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe)
    return {WEXITSTATUS(status), Content(In("out")), Content(In("err"))};
  }

  TemporaryFolder folder_;
};

TEST_P(EveryFile, RunsAndIsTimedAsItWasOrIsRefusedByNode) {
  const Ran imported = Vlaq({"import", GetParam().string(), "-o", In("bundle")});
  if (const auto refused = material::kRefused.find(Name()); refused != material::kRefused.end()) {
    EXPECT_EQ(imported.exit_code, 3);
    EXPECT_THAT(imported.err, HasSubstr(refused->second));
    return;
  }
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  std::vector<std::string> bench{"bench", "bundle=" + In("bundle"), "--protocol",    "published", "--threads", "1",
                                 "-o",    In("results.json"),       "--percentiles", "50"};
  if (HasNumbers()) {
    const Ran ran =
        Vlaq({"run", In("bundle"), "--inputs", RecordedInputs(), "--threads", "1", "-o", In("out.safetensors")});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    const auto file = checkpoint::Checkpoint::Open(In("out.safetensors"));
    ASSERT_TRUE(file.ok());
    const auto recorded = material::Recorded(GetParam(), "out.");
    size_t compared = 0;
    for (const auto& [output, expected] : recorded) {
      const auto name = OutputOfPolicy(output);
      if (!name) continue;
      ++compared;
      const auto* entry = (*file)->Find("raw." + *name);
      ASSERT_NE(entry, nullptr) << output;
      // One step; the recording gives single numbers an axis, and batches of one theirs.
      ASSERT_EQ(ElementCount(entry->shape), ElementCount(expected.shape())) << output;
      EXPECT_LE(material::Distance((*file)->Read(*entry).Reshaped(expected.shape()), expected),
                material::BoundOf(Name()))
          << output;
    }
    EXPECT_GT(compared, 0U);
    bench.insert(bench.begin() + 1, "file=onnx:" + GetParam().string());
    bench.insert(bench.end(), {"--inputs", RecordedInputs()});
  }
  const Ran timed = Program(bench);
  ASSERT_THAT(timed.exit_code, ::testing::AnyOf(0, 6)) << timed.err;
  const Json subjects = Json::parse(Content(In("results.json")))["subjects"];
  for (const Json& subject : subjects) EXPECT_EQ(subject["summary"]["n"], 20) << subject["name"];
  if (!HasNumbers()) return;
  const Json& outputs = subjects[1]["outputs"];
  EXPECT_LE(outputs["largest"], material::BoundOf(Name()));
  for (const Json& other : outputs.value("others", Json::object())) {
    EXPECT_LE(other["largest"], material::BoundOf(Name())) << outputs;
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryFile, ::testing::ValuesIn(material::Files()),
                         [](const auto& file) { return file.param.stem().string(); });

}  // namespace
}  // namespace vlaq
