#include "base/json_field.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/json.h"
#include "base/names.h"

namespace vlaq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

enum class Pet { kCat, kDog };
constexpr std::array kPets{Named<Pet>{Pet::kCat, "cat"}, Named<Pet>{Pet::kDog, "dog"}};
std::optional<Pet> FindPet(std::string_view name) { return FindIn(kPets, name); }

const Json& ExampleJson() {
  static const Json json = Json::parse(R"({"a": {"b": [1, 2.5, 3], "/x/y": -1}, "text": "x", "yes": true,
                                           "none": null, "list": ["p", "q"], "pet": "dgo", "huge": 1e300})");
  return json;
}

// What asking made of it.
template <typename Ask>
std::string AfterAsking(const Ask& ask) {
  const JsonField root(ExampleJson(), "file");
  ask(root);
  return root.status().ok() ? std::string() : root.status().error().ToString();
}

TEST(JsonField, ReadsWhatIsThere) {
  const JsonField root(ExampleJson(), "file");
  EXPECT_THAT(root["a"]["b"].Numbers(), ElementsAre(1, 2.5, 3));
  EXPECT_EQ(root["a"]["b"].Items()[2].Integer(), 3);
  EXPECT_EQ(root["a"]["b"].Items()[2].Count(), 3U);
  EXPECT_EQ(root["a"]["/x/y"].Integer(), -1);
  EXPECT_EQ(root["text"].Text(), "x");
  EXPECT_TRUE(root["yes"].Flag());
  EXPECT_THAT(root["list"].Texts(), ElementsAre("p", "q"));
  EXPECT_FALSE(root.Has("none"));
  EXPECT_FALSE(root.Find("other"));
  EXPECT_EQ(root.Find("text")->Text(), "x");
  EXPECT_EQ(root.Members().size(), 7U);
  EXPECT_TRUE(root.status().ok());
}

TEST(JsonField, ReadsIntoWhatIsGiven) {
  const JsonField root(ExampleJson(), "file");
  std::string text = "before";
  root.Read("other", text);
  EXPECT_EQ(text, "before");
  root.Read("text", text);
  EXPECT_EQ(text, "x");
  std::optional<bool> yes, none;
  root.Read("yes", yes);
  root.Read("none", none);
  EXPECT_EQ(yes, true);
  EXPECT_FALSE(none.has_value());
  std::vector<float> floats;
  root["a"].Need("b", floats);
  EXPECT_THAT(floats, ElementsAre(1.0F, 2.5F, 3.0F));
  EXPECT_TRUE(root.status().ok());
  const Json names = Json::parse(R"({"pet": "dog", "names": {"k": "v"}})");
  const JsonField other(names, "file");
  Pet pet = Pet::kCat;
  other.NeedName("pet", FindPet, NamesIn(kPets), pet);
  EXPECT_EQ(pet, Pet::kDog);
  EXPECT_THAT(other["names"].TextByKey(), ElementsAre(Pair("k", "v")));
}

TEST(JsonField, RemembersTheFirstThingThatIsWrongWithItsPlace) {
  const JsonField root(ExampleJson(), "file", "write it again");
  EXPECT_EQ(root["a"]["c"]["d"].Number(), 0);
  EXPECT_EQ(root["text"].Number(), 0);
  ASSERT_FALSE(root.status().ok());
  EXPECT_EQ(root.status().error().code, ErrorCode::kInput);
  EXPECT_EQ(root.status().error().ToString(), "file: a.c is missing; write it again");
  std::string text = "before";  // nothing more is taken from a document that is wrong
  root.Read("text", text);
  EXPECT_EQ(text, "before");
}

TEST(JsonField, NamesThePlaceAndWhatItMustBe) {
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["text"].Number(); }), "file: text must be a number");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["a"]["b"].Items()[1].Integer(); }),
            "file: a.b[1] must be an integer");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["a"]["/x/y"].Count(); }),
            "file: a[\"/x/y\"] must be an integer from 0");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["a"]["b"].Integers(); }), "file: a.b must be an array of integers");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["a"]["b"].Texts(); }), "file: a.b must be an array of strings");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["list"].Numbers(); }), "file: list must be an array of numbers");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["yes"].Text(); }), "file: yes must be a string");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["text"].Flag(); }), "file: text must be true or false");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["none"].Flag(); }), "file: none is missing");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { EXPECT_THAT(f["yes"].Items(), IsEmpty()); }),
            "file: yes must be an array");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { EXPECT_THAT(f["text"].Members(), IsEmpty()); }),
            "file: text must be an object");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["text"]["a"].Number(); }), "file: text must be an object");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { EXPECT_FALSE(f["text"].Find("a")); }), "file: text must be an object");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["a"]["b"].Called("group 'b'").Flag(); }),
            "file: group 'b' must be true or false");
  const Json list = Json::array();
  EXPECT_EQ(JsonField(list, "file")["a"].status().error().ToString(), "file: is not a JSON object");
}

TEST(JsonField, ValuesHaveLimits) {
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["a"]["b"].Items()[2].Integer(4, 9); }),
            "file: a.b[2] must be 4 to 9, not 3");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["a"]["b"].Items()[2].Integer(4); }),
            "file: a.b[2] must be an integer from 4, not 3");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["a"]["b"].Items()[1].Number(0, 1); }),
            "file: a.b[1] must be 0 to 1, not 2.5");
  EXPECT_EQ(AfterAsking([](const JsonField& f) {
              int small = 0;
              const Json wide = 1LL << 40;
              const JsonField other(wide, "file");
              other.To(small);
              EXPECT_FALSE(other.status().ok());
              EXPECT_EQ(small, 0);
              std::vector<float> floats;
              f["list"].To(floats);
            }),
            "file: list must be an array of numbers");
  const Json huge = Json::parse("[1e300]"), unsigned_only = Json::parse("9223372036854775808");
  std::vector<float> floats;
  const JsonField not_float(huge, "file");
  not_float.To(floats);
  EXPECT_EQ(not_float.status().error().ToString(), "file: holds 1e+300, which is no float32");
  EXPECT_EQ(JsonField(unsigned_only, "file").Count(), uint64_t{1} << 63U);
  const JsonField not_signed(unsigned_only, "file");
  EXPECT_EQ(not_signed.Integer(), 0);
  EXPECT_FALSE(not_signed.status().ok());
}

TEST(JsonField, UnknownKeysAndNamesHaveASuggestion) {
  EXPECT_EQ(AfterAsking([](const JsonField& f) {
              f["a"].Only({"bb", "/x/y"}, "an a");
            }),
            "file: a.b is not a key of an a; did you mean \"bb\"?");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["a"].Only({"b", "/x/y"}, "an a"); }), "");
  EXPECT_EQ(AfterAsking([](const JsonField& f) { f["a"].Only({"window"}, "an a"); }),
            "file: a.b is not a key of an a; known are window");
  EXPECT_EQ(AfterAsking([](const JsonField& f) {
              Pet pet = Pet::kCat;
              f.ReadName("pet", FindPet, NamesIn(kPets), pet);
              EXPECT_EQ(pet, Pet::kCat);
            }),
            "file: pet is \"dgo\", which is not known; did you mean \"dog\"?");
}

TEST(JsonField, ASchemaIsTheRightOne) {
  const Json right = {{"schema", "vlaq.x/1"}}, other = {{"schema", 3}}, none = Json::object();
  EXPECT_TRUE(JsonField(right, "file").HasSchema("vlaq.x/1", "make it"));
  const JsonField wrong(other, "file"), missing(none, "file");
  EXPECT_FALSE(wrong.HasSchema("vlaq.x/1", "make it"));
  EXPECT_EQ(wrong.status().error().ToString(), "file: schema is 3, not \"vlaq.x/1\"; make it");
  EXPECT_FALSE(missing.HasSchema("vlaq.x/1", "make it"));
  EXPECT_EQ(missing.status().error().ToString(), "file: schema is missing: it must be \"vlaq.x/1\"; make it");
}

}  // namespace
}  // namespace vlaq
