#include "data/global_heap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing.h"

namespace vlaq::data {
namespace {

using ::testing::HasSubstr;

template <typename T>
std::string Little(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

std::string Object(uint16_t index, const std::string& data) {
  std::string padded = data;
  padded.resize((data.size() + 7) / 8 * 8);
  return Little(index) + Little<uint16_t>(1) + Little<uint32_t>(0) + Little<uint64_t>(data.size()) + padded;
}

std::string Reference(uint32_t length, uint64_t address, uint32_t index) {
  return Little(length) + Little(address) + Little(index);
}

std::string Collection(const std::string& objects, uint64_t size) {
  std::string bytes = std::string("GCOL\x01\0\0\0", 8) + Little(size) + objects;
  return bytes;
}

class GlobalHeapTest : public ::testing::Test {
 protected:
  GlobalHeap Heap(const std::string& bytes, uint64_t base = 0) {
    const auto path = folder_.path() / "heap";
    std::ofstream(path, std::ios::binary) << bytes;
    return {*MappedFile::Open(path), base};
  }
  static std::string Refusal(GlobalHeap heap, const std::string& reference) {
    const auto text = heap.Text(AsBytes(reference));
    return text.ok() ? "accepted: " + *text : text.error().what;
  }

  TemporaryFolder folder_;
};

TEST_F(GlobalHeapTest, FindsTextByIndex) {
  const std::string objects = Object(1, "left") + Object(7, "go right!") + std::string(16, '\0');
  GlobalHeap heap = Heap(std::string(24, 'x') + Collection(objects, 16 + objects.size()), 8);
  EXPECT_EQ(*heap.Text(AsBytes(Reference(4, 16, 1))), "left");
  EXPECT_EQ(*heap.Text(AsBytes(Reference(9, 16, 7))), "go right!");
  EXPECT_EQ(*heap.Text(AsBytes(Reference(2, 16, 7))), "go");
  EXPECT_EQ(*heap.Text(AsBytes(Reference(0, 12345, 3))), "");
}

TEST_F(GlobalHeapTest, CutsAtANul) {
  const std::string objects = Object(1, std::string("le\0ft", 5));
  EXPECT_EQ(*Heap(Collection(objects, 16 + objects.size())).Text(AsBytes(Reference(5, 0, 1))), "le");
}

TEST_F(GlobalHeapTest, RefusesWhatDoesNotFit) {
  const std::string good = Object(1, "left") + Object(2, "right");
  const uint64_t size = 16 + good.size();
  const std::string bytes = Collection(good, size);
  EXPECT_THAT(Refusal(Heap(bytes), Reference(5, 0, 1)), HasSubstr("text 1 of 5 bytes"));
  EXPECT_THAT(Refusal(Heap(bytes), Reference(4, 0, 3)), HasSubstr("is not in the heap"));
  EXPECT_THAT(Refusal(Heap(bytes), Reference(4, 8, 1)), HasSubstr("is none"));
  EXPECT_THAT(Refusal(Heap(bytes), Reference(4, size - 8, 1)), HasSubstr("outside of the file"));
  EXPECT_THAT(Refusal(Heap(bytes), Reference(4, ~uint64_t{0}, 1)), HasSubstr("outside of the file"));
  EXPECT_THAT(Refusal(Heap(bytes, 100), Reference(4, ~uint64_t{0} - 50, 1)), HasSubstr("outside of the file"));
  EXPECT_THAT(Refusal(Heap(bytes), Reference(65537, 0, 1)), HasSubstr("out of bounds"));
  EXPECT_THAT(Refusal(Heap(Collection(good, size + 1)), Reference(4, 0, 1)), HasSubstr("does not fit"));
  EXPECT_THAT(Refusal(Heap(Collection(good, 15)), Reference(4, 0, 1)), HasSubstr("does not fit"));
  EXPECT_THAT(Refusal(Heap(Collection(Object(1, "a") + Object(1, "b"), 64)), Reference(1, 0, 1)), HasSubstr("twice"));
  std::string long_object = Object(1, "left");
  long_object[8] = 9;  // its size
  EXPECT_THAT(Refusal(Heap(Collection(long_object, 40)), Reference(4, 0, 1)), HasSubstr("an object that does not fit"));
}

// Reading the same bytes as thousands of collections would take its time.
TEST_F(GlobalHeapTest, RefusesOverlappingCollections) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += Collection("", static_cast<uint64_t>(1600 - 16 * i));
  GlobalHeap heap = Heap(bytes);
  int refused = 0;
  for (uint64_t i = 0; i < 100; ++i) {
    const auto text = heap.Text(AsBytes(Reference(1, 16 * i, 1)));
    ASSERT_FALSE(text.ok());
    if (text.error().what.find("overlaps") != std::string::npos) ++refused;
  }
  EXPECT_EQ(refused, 99);
}

}  // namespace
}  // namespace vlaq::data
