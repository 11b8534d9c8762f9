// Looks at the bytes of a SentencePiece model before libsentencepiece does. The library walks the normalization table
// of a model (a double array trie over bytes) without checking it, so that a damaged file could make it read anywhere.
//
// In scope: that no walk through a table can leave it. All else in the file the library checks itself.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace vlaq::tokenizer {

// Errors: kInput naming `where` and the offset if `model` is not a protocol buffer message, or one of its normalization
// tables is damaged.
Status CheckModelBytes(Bytes model, const std::string& where);

}  // namespace vlaq::tokenizer
