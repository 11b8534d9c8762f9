#include "serve/access.h"

#include <gtest/gtest.h>

namespace vlaq::serve {
namespace {

int StatusOf(const AccessRules& rules, const HttpHead& head, bool needs_key = true) {
  const auto refused = RefuseAccess(rules, head, needs_key);
  return refused ? refused->status : 200;
}

TEST(AccessTest, AKeyIsAskedForWhereThereIsOne) {
  const AccessRules rules{.api_key = "secret"};
  EXPECT_EQ(StatusOf(rules, {}), 401);
  EXPECT_EQ(StatusOf(rules, {.api_key = "secret"}), 200);
  EXPECT_EQ(StatusOf(rules, {.authorization = "Api-Key secret"}), 200);
  EXPECT_EQ(StatusOf(rules, {.authorization = "Bearer secret"}), 200);
  for (const char* wrong : {"secre", "secrets", "Secret", ""}) {
    EXPECT_EQ(StatusOf(rules, {.api_key = wrong}), 401) << wrong;
    EXPECT_EQ(StatusOf(rules, {.authorization = std::string("Api-Key ") + wrong}), 401) << wrong;
  }
  EXPECT_EQ(StatusOf(rules, {.authorization = "secret"}), 401);
  EXPECT_EQ(StatusOf(rules, {}, false), 200);
  EXPECT_EQ(StatusOf({}, {}), 200);
}

TEST(AccessTest, PagesFromElsewhereAreRefused) {
  const AccessRules rules;
  EXPECT_EQ(StatusOf(rules, {.host = "127.0.0.1:8000", .origin = "http://127.0.0.1:8000"}), 200);
  EXPECT_EQ(StatusOf(rules, {.host = "127.0.0.1:8000", .origin = "http://127.0.0.1:9000"}), 403);
  EXPECT_EQ(StatusOf(rules, {.host = "127.0.0.1:8000", .origin = "https://example.org"}), 403);
  EXPECT_EQ(StatusOf(rules, {.host = "127.0.0.1:8000", .origin = "null"}), 403);
}

TEST(AccessTest, OnLoopbackOnlyItsNamesAreServed) {
  for (const char* host : {"127.0.0.1:8000", "localhost:8000", "localhost", "[::1]:8000", "127.1.2.3"}) {
    EXPECT_EQ(StatusOf({}, {.host = host}), 200) << host;
  }
  for (const char* host : {"example.org:8000", "127.0.0.1.example.org", "[::2]:8000"}) {
    EXPECT_EQ(StatusOf({}, {.host = host}), 403) << host;
  }
  EXPECT_EQ(StatusOf({.listens_on_loopback = false}, {.host = "robot.example.org:8000"}), 200);
}

}  // namespace
}  // namespace vlaq::serve
