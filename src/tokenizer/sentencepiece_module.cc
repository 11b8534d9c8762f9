#include "tokenizer/sentencepiece_module.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

struct VlaqSentencePiece {
  sentencepiece::SentencePieceProcessor processor;
};

namespace {

void Say(const std::string& text, char* message, size_t message_size) {
  const size_t size = std::min(text.size(), message_size - 1);
  std::memcpy(message, text.data(), size);
  message[size] = '\0';
}

VlaqSentencePiece* Create(const void* model, size_t size, char* message, size_t message_size) {
  try {
    auto made = std::make_unique<VlaqSentencePiece>();
    // std::string converts to the string_view of every SentencePiece: 0.1.96 (Ubuntu 22.04) brings one of its own.
    const auto status = made->processor.LoadFromSerializedProto(std::string(static_cast<const char*>(model), size));
    if (status.ok()) return made.release();
    Say(status.error_message(), message, message_size);
  } catch (const std::exception& problem) {
    Say(problem.what(), message, message_size);
  }
  return nullptr;
}

void Destroy(VlaqSentencePiece* processor) { delete processor; }

int PieceCount(const VlaqSentencePiece* processor) { return processor->processor.GetPieceSize(); }

int StartsLikeXlmRoberta(const VlaqSentencePiece* p) {
  return p->processor.unk_id() == 0 && p->processor.bos_id() == 1 && p->processor.eos_id() == 2 ? 1 : 0;
}

int Encode(const VlaqSentencePiece* processor, const char* text, size_t size, void (*add)(void*, int), void* context,
           char* message, size_t message_size) {
  try {
    std::vector<int> pieces;
    const auto status = processor->processor.Encode(std::string(text, size), &pieces);
    if (status.ok()) {
      for (const int piece : pieces) add(context, piece);
      return 1;
    }
    Say(status.error_message(), message, message_size);
  } catch (const std::exception& problem) {
    Say(problem.what(), message, message_size);
  }
  return 0;
}

}  // namespace

const VlaqSentencePieceFunctions* VlaqSentencePieceModule() {
  static const VlaqSentencePieceFunctions functions{
      Create, Destroy, PieceCount, StartsLikeXlmRoberta, Encode, VLAQ_SENTENCEPIECE_VERSION};
  return &functions;
}
