// The tokenizer that testdata/tokenizer holds, for tests of this module only.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "tokenizer/tokenizer.h"

namespace vlaq::tokenizer::testing {

inline std::string Fixture(const std::string& name) { return std::string(VLAQ_TESTDATA) + "/tokenizer/" + name; }

inline const Tokenizer& Small() {
  static const Result<std::shared_ptr<const Tokenizer>> loaded = Tokenizer::Load(Fixture("small.model"));
  if (!loaded.ok()) throw std::runtime_error(loaded.error().ToString());
  return **loaded;
}

}  // namespace vlaq::tokenizer::testing
