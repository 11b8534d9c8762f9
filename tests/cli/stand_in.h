// Engines without a board: bundles for one, and a trtexec that plays a scenario of tests/board/stand_in_trtexec.py.
#pragma once

#include <sys/stat.h>

#include <string>

#include "program.h"

namespace vlaq {

// Written to `path`, which is returned.
inline std::string StandIn(const std::string& path, const std::string& scenario) {
  Overwrite(path,
            "#!/bin/sh\nexec python3 '" VLAQ_TESTDATA "/../tests/board/stand_in_trtexec.py' " + scenario + " \"$@\"\n");
  ::chmod(path.c_str(), 0755);
  return path;
}

// Bundles In("fp16") and In("int8") of the small policy.
class BoardTest : public CliTest {
 protected:
  static void QuantizeFor(const std::string& target) {
    CliTest::SetUpTestSuite();
    const Ran stats =
        Vlaq({"calibrate", Bundle(), "--frames", Frames(), "--samples", "2", "--threads", "1", "-o", In("stats.json")});
    ASSERT_EQ(stats.exit_code, 0) << stats.err;
    for (const char* precision : {"fp16", "int8"}) {
      const Ran made = Vlaq({"quantize", Bundle(), "--target", target, "--precision", precision, "--stats",
                             In("stats.json"), "-o", In(precision)});
      ASSERT_EQ(made.exit_code, 0) << made.err;
    }
  }
  static std::string Folder() { return In("jetson_tensorrt_models"); }
  static std::string File(const std::string& name) { return Folder() + "/" + name; }
};

}  // namespace vlaq
