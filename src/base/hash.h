// SHA-256 (OpenSSL) for everything that a receipt or a provenance record names.
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

}  // namespace vlaq
