// Finds and loads the module in which SentencePiece lives.
#pragma once

#include "base/status.h"
#include "tokenizer/sentencepiece_module.h"

namespace vlaq::tokenizer {

using SentencePieceFunctions = VlaqSentencePieceFunctions;

// Loaded by the first call, from ../lib or the folder of the program, or from where it was built. Thread-safe. Errors:
// kInput naming the places that were tried.
Result<const SentencePieceFunctions*> LoadSentencePiece();

}  // namespace vlaq::tokenizer
