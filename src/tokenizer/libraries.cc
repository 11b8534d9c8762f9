#include "tokenizer/libraries.h"

#include "tokenizer/sentencepiece_library.h"

namespace vlaq::tokenizer {

Result<std::vector<LibraryVersion>> Libraries() {
  VLAQ_ASSIGN_OR_RETURN(const SentencePieceFunctions* functions, LoadSentencePiece());
  return std::vector<LibraryVersion>{{"SentencePiece", functions->version, "instructions to token ids"}};
}

}  // namespace vlaq::tokenizer
