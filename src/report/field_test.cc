#include "report/field.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace vlaq::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Json& ExampleJson() {
  static const Json json = Json::parse(R"({"a": {"b": [1, 2.5, 3]}, "text": "x", "yes": true, "none": null})");
  return json;
}

TEST(FieldTest, ReadsWhatIsThere) {
  const Field root(ExampleJson(), "file");
  EXPECT_THAT(root["a"]["b"].Numbers(), ElementsAre(1, 2.5, 3));
  EXPECT_EQ(root["a"]["b"].Items()[2].Integer(), 3);
  EXPECT_EQ(root["text"].Text(), "x");
  EXPECT_TRUE(root["yes"].Flag());
  EXPECT_FALSE(root.Find("none"));
  EXPECT_FALSE(root.Find("other"));
  EXPECT_EQ(root.Find("text")->Text(), "x");
  EXPECT_EQ(root.Members().size(), 4U);
  EXPECT_EQ(root["a"].Plain(), R"({"b":[1,2.5,3]})");
  EXPECT_TRUE(root.Trouble().ok());
}

TEST(FieldTest, RemembersTheFirstTroubleWithItsPlace) {
  const Field root(ExampleJson(), "file");
  EXPECT_EQ(root["a"]["c"]["d"].Number(), 0);
  EXPECT_EQ(root["text"].Number(), 0);
  ASSERT_FALSE(root.Trouble().ok());
  EXPECT_EQ(root.Trouble().error().code, ErrorCode::kInput);
  EXPECT_EQ(root.Trouble().error().where, "file/a");
  EXPECT_THAT(root.Trouble().error().what, HasSubstr("'c' is missing"));
}

TEST(FieldTest, AnotherTypeIsTrouble) {
  const auto trouble_of = [](const auto& read) {
    const Field root(ExampleJson(), "file");
    read(root);
    return root.Trouble().ok() ? std::string() : root.Trouble().error().ToString();
  };
  EXPECT_THAT(trouble_of([](const Field& f) { f["text"].Number(); }), HasSubstr("file/text: must be a number"));
  EXPECT_THAT(trouble_of([](const Field& f) { f["a"]["b"].Items()[1].Integer(); }),
              HasSubstr("file/a/b/1: must be a whole number"));
  EXPECT_THAT(trouble_of([](const Field& f) { f["yes"].Text(); }), HasSubstr("must be a text"));
  EXPECT_THAT(trouble_of([](const Field& f) { f["none"].Flag(); }), HasSubstr("must be true or false"));
  EXPECT_THAT(trouble_of([](const Field& f) { EXPECT_THAT(f["yes"].Items(), IsEmpty()); }),
              HasSubstr("must be a list"));
  EXPECT_THAT(trouble_of([](const Field& f) { EXPECT_THAT(f["text"].Members(), IsEmpty()); }),
              HasSubstr("must be an object"));
  EXPECT_THAT(trouble_of([](const Field& f) { f["text"]["a"].Number(); }), HasSubstr("must be an object"));
  EXPECT_THAT(trouble_of([](const Field& f) { EXPECT_FALSE(f["text"].Find("a")); }), HasSubstr("must be an object"));
}

}  // namespace
}  // namespace vlaq::report
