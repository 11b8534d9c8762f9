// SHA-256 (OpenSSL) for everything that a receipt or a provenance record names; XXH3 for single tensors.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"

namespace vlaq {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(Bytes bytes);
  // 64 lower-case hexadecimal digits; the object must not be used afterwards.
  std::string FinishHex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Sha256Hex(Bytes bytes);

// XXH3 with 128 bits: a checksum that is as fast as memory, to tell which of many tensors changed. Not against intent.
class Xxh3 {
 public:
  Xxh3();
  ~Xxh3();
  Xxh3(Xxh3&&) noexcept;
  Xxh3& operator=(Xxh3&&) noexcept;

  void Update(Bytes bytes);
  // 32 lower-case hexadecimal digits, high half first, as the xxh128sum program prints them.
  std::string FinishHex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Xxh3Hex(Bytes bytes);

}  // namespace vlaq
