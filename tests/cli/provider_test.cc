// --provider: what is absent is an error that says what to install, for every command that runs graphs; never another
// provider instead.
#include "program.h"

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Provider = CliTest;

TEST_F(Provider, AnAbsentOneIsAnErrorEverywhere) {
  const std::vector<std::vector<std::string>> commands{
      {"run", Bundle(), "--frames", Frames()},
      {"run", Bundle(), "--frames", Frames(), "--schedule", "whole"},
      {"verify", Bundle(), "--against", Checkpoint()},
  };
  for (std::vector<std::string> arguments : commands) {
    arguments.insert(arguments.end(), {"--provider", "tensorrt", "--fallback-provider", "cuda"});
    const Ran ran = Vlaq(arguments);
    EXPECT_EQ(ran.exit_code, 4) << arguments[0] << ran.err;
    EXPECT_THAT(ran.err, AllOf(HasSubstr("no execution provider 'tensorrt'"), HasSubstr("JetPack 6.1 or later")))
        << arguments[0];
  }
}

TEST_F(Provider, OptionsAreCheckedFirst) {
  ExpectUsage({"run", Bundle(), "--frames", Frames(), "--provider-option", "nonsense"}, "must be KEY=VALUE");
  const Ran options = Vlaq({"run", Bundle(), "--frames", Frames(), "--provider-option", "device_id=0"});
  EXPECT_EQ(options.exit_code, 2);
  EXPECT_THAT(options.err, HasSubstr("the provider cpu takes no options"));
  const Ran cache = Vlaq({"run", Bundle(), "--frames", Frames(), "--engine-cache", In("nowhere")});
  EXPECT_EQ(cache.exit_code, 2);
  // Options end where they end: what follows is the bundle.
  EXPECT_EQ(
      Vlaq({"run", "--frames", Frames(), "--provider", "tensorrt", "--fallback-provider", "cuda", Bundle()}).exit_code,
      4);
}

}  // namespace
}  // namespace vlaq
