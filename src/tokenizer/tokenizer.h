// Text to token ids with Kosmos-2's own tokenizer (XLM-RoBERTa's SentencePiece model plus added tokens), as
// transformers' fast tokenizer does it: text is split at the added tokens, every stretch between two of them is
// normalized and tokenized on its own, with a word start (U+2581) in front.
//
// One known difference: where the text itself holds the character U+2581 at the start of a word, the fast tokenizer
// adds no second one and SentencePiece (as transformers' slow tokenizer) does.
//
// In scope: ids of a text. Not aware of: prompts and their layout (a family's). A Tokenizer is immutable once
// loaded; any thread may use it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "tokenizer/vocabulary.h"

namespace vlaq::tokenizer {

class Tokenizer {
 public:
  // Reads a SentencePiece model (sentencepiece.bpe.model). Errors: kInput naming the file if it cannot be read, is not
  // such a model, or does not begin with <unk>, <s>, </s> as XLM-RoBERTa's does.
  static Result<std::shared_ptr<const Tokenizer>> Load(const std::filesystem::path& path);
  // The same from bytes; `where` names them in errors.
  static Result<std::shared_ptr<const Tokenizer>> Parse(Bytes model, const std::string& where);

  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  const Vocabulary& vocabulary() const { return vocabulary_; }

  // Ids of UTF-8 `text`, each below vocabulary().size(), without <s> and </s> around them. Bytes that are not UTF-8
  // count as U+FFFD. Errors: kUsage for texts longer than 1 MiB.
  Result<std::vector<int64_t>> Encode(std::string_view text) const;

 private:
  struct Model;
  explicit Tokenizer(std::unique_ptr<Model> model);

  Status EncodeSegment(std::string_view segment, std::vector<int64_t>& ids) const;

  std::unique_ptr<Model> model_;
  Vocabulary vocabulary_;
};

}  // namespace vlaq::tokenizer
