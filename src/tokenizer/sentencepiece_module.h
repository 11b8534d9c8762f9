// The C face of SentencePiece. Debian's libsentencepiece carries a protobuf of its own (3.14) under the usual names,
// and the program uses libonnx's (3.21): in one process the two would call each other's functions. So SentencePiece
// lives in a small module that is loaded with its own symbols first (sentencepiece_library.h), and only C passes the
// border.
#pragma once

#include <cstddef>

extern "C" {

struct VlaqSentencePiece;

struct VlaqSentencePieceFunctions {
  // A processor from the bytes of a model, or null with a text in `message`.
  VlaqSentencePiece* (*create)(const void* model, size_t size, char* message, size_t message_size);
  void (*destroy)(VlaqSentencePiece* processor);
  int (*piece_count)(const VlaqSentencePiece* processor);
  // 1 if pieces 0, 1, 2 are <unk>, <s>, </s>.
  int (*starts_like_xlm_roberta)(const VlaqSentencePiece* processor);
  // Calls add(context, piece) for every piece of the text; 0 with a text in `message` on failure.
  int (*encode)(const VlaqSentencePiece* processor, const char* text, size_t size, void (*add)(void*, int),
                void* context, char* message, size_t message_size);
  // For `doctor`: "0.1.97"
  const char* version;
};

// The module's one symbol.
const VlaqSentencePieceFunctions* VlaqSentencePieceModule();
}
