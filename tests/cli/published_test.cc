// The published table's row of PyTorch, which not every machine has: a shell stands in for Python, so that what is
// written of it is tested everywhere.
#include "program.h"

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class PublishedTest : public CliTest {
 protected:
  // Answers as python/torch_worker.py does, with actions of zeros.
  static std::string FakePython(const std::string& precision) {
    const Json policy = Json::parse(Content(Bundle() + "/policy.json"))["settings"];
    std::string action = "0";
    for (int64_t i = 1; i < policy["chunk"].get<int64_t>() * policy["action_dim"].get<int64_t>(); ++i) action += ",0";
    const std::string path = In("python_" + precision);
    Overwrite(path,
              "#!/bin/sh\nread -r hello\n"
              "echo '{\"ready\":true,\"runs_on\":\"PyTorch 9, eager\",\"precision\":\"" +
                  precision + "\",\"load_ns\":1,\"threads\":1}'\n" + R"(while read -r question; do
  frames=$(echo "$question" | sed 's/.*\[\(.*\)\].*/\1/' | tr ',' ' ')
  one='' actions=''
  for f in $frames; do one="$one,9000000"; actions="$actions,[)" +
                  action + R"(]"; done
  sleep 0.01
  echo "{\"start_ns\":[${one#,}],\"wall_ns\":[${one#,}],\"cpu_ns\":[${one#,}],\"actions\":[${actions#,}]}"
done
)");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }
  static Ran Published(const std::string& precision) {
    return Program({"bench", "pytorch=torch:" + Checkpoint(), "int8=whole:" + In("int8"), "--published",
                    std::string(VLAQ_TESTDATA) + "/../examples/mobile_vla/published.json", "--published-to",
                    In("published_" + precision), "--protocol", "published", "--threads", "1", "--frames-count", "3"},
                   "VLAQ_PYTHON='" + FakePython(precision) + "'");
  }
};

TEST_F(PublishedTest, RatiosAreToPyTorch) {
  const Ran made = Vlaq({"quantize", Bundle(), "--target", "cpu", "--precision", "int8", "-o", In("int8")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const Ran ran = Published("fp32");
  EXPECT_THAT(ran.exit_code, ::testing::AnyOf(0, 6)) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("1.00x"), HasSubstr("files: ONNX fp32, ONNX INT8 streaming.")));
  const Json document =
      Json::parse(Content(In("published_fp32/quantized_models_cpu/mae0222_quantization_results_cpu.json")));
  EXPECT_EQ(document["pytorch"]["runs_on"], "PyTorch 9, eager");
  EXPECT_EQ(document["pytorch"]["speedup"], 1);
  EXPECT_NEAR(document["int8"]["speedup"].get<double>() * document["int8"]["avg_time_ms"].get<double>(),
              document["pytorch"]["avg_time_ms"].get<double>(), 1e-9);
  EXPECT_NEAR(document["int8"]["size_reduction_percent"].get<double>(),
              100 * (1 - document["int8"]["size_mb"].get<double>() / document["pytorch"]["size_mb"].get<double>()),
              1e-9);
  EXPECT_EQ(document["int8"]["difference_against"], "pytorch");

  // The row says float32, and only the worker knows.
  const Ran half = Published("fp16");
  EXPECT_EQ(half.exit_code, 4) << half.err;
  EXPECT_THAT(half.err, AllOf(HasSubstr("pytorch"), HasSubstr("'fp16'"), HasSubstr("is fp32")));
  EXPECT_FALSE(std::filesystem::exists(In("published_fp16")));
}

}  // namespace
}  // namespace vlaq
