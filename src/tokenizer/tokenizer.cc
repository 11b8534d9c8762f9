#include "tokenizer/tokenizer.h"

#include <sentencepiece_processor.h>

#include <exception>

#include "base/mapped_file.h"
#include "tokenizer/model_check.h"

namespace vlaq::tokenizer {
namespace {

constexpr size_t kMaxModelBytes = size_t{64} << 20;
constexpr size_t kMaxTextBytes = size_t{1} << 20;
constexpr int kMaxPieces = 10'000'000;

constexpr std::string_view kAdvice = "give the sentencepiece.bpe.model of kosmos-2-patch14-224";

struct Special {
  size_t begin = 0;  // in the text
  size_t end = 0;
  int64_t id = 0;
};

// The first added token at or after `from`. All of them are '<', then neither '<' nor '>', then '>'.
std::optional<Special> FindFirst(std::string_view text, size_t from, const Vocabulary& vocabulary) {
  for (size_t open = text.find('<', from); open != std::string_view::npos; open = text.find('<', open + 1)) {
    const size_t close = text.find_first_of("<>", open + 1);
    if (close == std::string_view::npos) return std::nullopt;
    if (text[close] == '<') continue;
    if (const auto id = vocabulary.FindSpecial(text.substr(open, close + 1 - open))) {
      return Special{.begin = open, .end = close + 1, .id = *id};
    }
  }
  return std::nullopt;
}

}  // namespace

struct Tokenizer::Model {
  sentencepiece::SentencePieceProcessor processor;
};

Tokenizer::Tokenizer(std::unique_ptr<Model> model)
    : model_(std::move(model)), vocabulary_(model_->processor.GetPieceSize()) {}

Tokenizer::~Tokenizer() = default;

Result<std::shared_ptr<const Tokenizer>> Tokenizer::Load(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return Parse(file->bytes(), path.string());
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::Parse(Bytes bytes, const std::string& where) {
  const auto refuse = [&](std::string what) { return InputError(where, std::move(what), std::string(kAdvice)); };
  if (bytes.empty() || bytes.size() > kMaxModelBytes) {
    return refuse(std::to_string(bytes.size()) + " bytes cannot be a SentencePiece model");
  }
  VLAQ_RETURN_IF_ERROR(CheckModelBytes(bytes, where));
  auto model = std::make_unique<Model>();
  try {
    // std::string converts to the string_view of every SentencePiece: 0.1.96 (Ubuntu 22.04) brings one of its own.
    const auto status = model->processor.LoadFromSerializedProto(std::string(AsText(bytes)));
    if (!status.ok()) return refuse("not a SentencePiece model (" + status.ToString() + ")");
  } catch (const std::exception& problem) {
    return refuse(std::string("not a SentencePiece model (") + problem.what() + ")");
  }
  const auto& processor = model->processor;
  if (processor.GetPieceSize() < 4 || processor.GetPieceSize() > kMaxPieces) {
    return refuse(std::to_string(processor.GetPieceSize()) + " pieces cannot be a vocabulary");
  }
  if (processor.unk_id() != 0 || processor.bos_id() != 1 || processor.eos_id() != 2) {
    return refuse("the pieces do not begin with <unk>, <s>, </s> as XLM-RoBERTa's do, so their ids are not known");
  }
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(model)));
}

Status Tokenizer::EncodeSegment(std::string_view segment, std::vector<int64_t>& ids) const {
  if (segment.empty()) return {};
  std::vector<int> pieces;
  try {
    const auto status = model_->processor.Encode(std::string(segment), &pieces);
    if (!status.ok()) return InternalError("tokenizer", "SentencePiece failed: " + status.ToString());
  } catch (const std::exception& problem) {
    return InternalError("tokenizer", std::string("SentencePiece failed: ") + problem.what());
  }
  for (const int piece : pieces) ids.push_back(vocabulary_.piece(piece));
  return {};
}

// That added tokens swallow the spaces at their left (lstrip) needs no code: SentencePiece drops the spaces at both
// ends of a segment anyway, and a segment of spaces gives nothing.
Result<std::vector<int64_t>> Tokenizer::Encode(std::string_view text) const {
  if (text.size() > kMaxTextBytes) {
    return UsageError("a text of " + std::to_string(text.size()) + " bytes is no prompt", "give at most 1 MiB");
  }
  std::vector<int64_t> ids;
  size_t at = 0;
  while (const auto special = FindFirst(text, at, vocabulary_)) {
    VLAQ_RETURN_IF_ERROR(EncodeSegment(text.substr(at, special->begin - at), ids));
    ids.push_back(special->id);
    at = special->end;
  }
  VLAQ_RETURN_IF_ERROR(EncodeSegment(text.substr(at), ids));
  return ids;
}

}  // namespace vlaq::tokenizer
