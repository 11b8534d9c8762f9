// Recordings (MCAP) as their users see them.
#include "program.h"

namespace vlaq {
namespace {

using ::testing::HasSubstr;

TEST(Recording, InspectSaysWhatItHolds) {
  const std::string path = VLAQ_TESTDATA "/mcap/small.mcap";
  const Ran ran = Vlaq({"inspect", path});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, path + R"(: MCAP recording of profile p, written by t, 791 B
1 message in 0.000 s from 1970-01-01 00:00:00 UTC; 1 chunk, 1 attachment, 1 record of metadata
as its summary says

Topics
  topic  type  encoding  messages  a second
  -----  ----  --------  --------  --------
  /a     S     m                1         -
)");
}

TEST(Recording, InspectOfOneThatWasCutOff) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "cut.mcap").string();
  Overwrite(path, Content(VLAQ_TESTDATA "/mcap/small.mcap").substr(0, 300));
  const Ran ran = Vlaq({"inspect", path});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("1 message in"));
  EXPECT_THAT(ran.out, HasSubstr("\nDamage\n  " + path + ": byte 300: the end of the file is missing\n"));
  EXPECT_THAT(ran.err, HasSubstr("the end of the file is missing"));
}

}  // namespace
}  // namespace vlaq
