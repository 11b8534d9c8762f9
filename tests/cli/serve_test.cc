// What `vlaq serve` refuses before it listens; what it serves is looked at in src/serve and tests/serve.
#include "program.h"

namespace vlaq {
namespace {

using ::testing::HasSubstr;

constexpr const char* kBundle = VLAQ_TESTDATA "/bundles/schema1/text";

std::vector<std::string> Serve(const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"serve", kBundle, "--backend", "reference", "--port", "0"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(ServeCommand, RefusesWhatMakesNoSense) {
  ExpectUsage(Serve({"--protocol", "grpc"}), "'grpc' is not known");
  ExpectUsage(Serve({"--alias", "rgb"}), "--alias rgb is not KEY=INPUT");
  ExpectUsage(Serve({"--alias", "rgb=a", "--alias", "rgb=b"}), "the key has an alias already");
  ExpectUsage(Serve({"--alias", "rgb=eye"}), "'eye', which the policy does not have");
  ExpectUsage(Serve({"--tls-cert", "cert.pem"}), "--tls-key");
  ExpectUsage(Serve({"--sessions", "0"}), "--sessions");
  ExpectUsage(Serve({"--host", "256.0.0.1"}), "cannot listen on 256.0.0.1");
  ExpectUsage(Serve({"--instruction", "go"}), "");  // this bundle has no tokenizer
}

TEST(ServeCommand, TheKeyMustBeThere) {
  const TemporaryFolder folder;
  const Ran absent = Vlaq(Serve({"--api-key-file", "/nowhere/key"}));
  EXPECT_EQ(absent.exit_code, 3);
  EXPECT_THAT(absent.err, HasSubstr("/nowhere/key"));
  Overwrite(folder.path() / "key", "\nsecret\n");
  const Ran empty = Vlaq(Serve({"--api-key-file", folder.path() / "key"}));
  EXPECT_EQ(empty.exit_code, 3);
  EXPECT_THAT(empty.err, HasSubstr("the first line must be a key"));
}

TEST(ServeCommand, WarnsOfOpenDoors) {
  // Half of TLS, so that it ends by itself.
  const Ran open = Vlaq(Serve({"--host", "0.0.0.0", "--tls-cert", "/nowhere/a", "--tls-key", "/nowhere/b"}));
  EXPECT_EQ(open.exit_code, 3);
  EXPECT_THAT(open.err, HasSubstr("--api-key-file asks for a key"));
}

}  // namespace
}  // namespace vlaq
