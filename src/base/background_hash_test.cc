#include "base/background_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/hash.h"

namespace vlaq {
namespace {

// Bytes that differ from piece to piece.
std::vector<std::byte> Piece(size_t number, size_t size) {
  std::vector<std::byte> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((number * 131 + i * 7) % 251);
  return bytes;
}

// Hashes `pieces` pieces whose sizes vary from nothing up; the caller's buffer is overwritten at once each time.
void ExpectSameAsInOneGo(size_t pieces) {
  BackgroundSha256 hash;
  std::vector<std::byte> all;
  for (size_t n = 0; n < pieces; ++n) {
    std::vector<std::byte> piece = Piece(n, n * 37 % 4096);
    all.insert(all.end(), piece.begin(), piece.end());
    hash.Update(piece);
    std::fill(piece.begin(), piece.end(), std::byte{0});
  }
  EXPECT_EQ(hash.FinishHex(), Sha256Hex(all)) << pieces << " pieces";
}

TEST(BackgroundSha256, IsTheHashOfAllPiecesInOrder) {
  for (const size_t pieces : {0U, 1U, 7U, 8U, 9U, 500U}) ExpectSameAsInOneGo(pieces);
}

TEST(BackgroundSha256, TwoAtOnceDoNotMeet) {
  std::thread other([] { ExpectSameAsInOneGo(300); });
  ExpectSameAsInOneGo(400);
  other.join();
}

TEST(BackgroundSha256, DestroyedBeforeItsEnd) {
  for (size_t pieces = 0; pieces < 20; ++pieces) {
    BackgroundSha256 hash;
    for (size_t n = 0; n < pieces; ++n) hash.Update(Piece(n, 20'000));
  }
}

}  // namespace
}  // namespace vlaq
