#include "tokenizer/tokenizer.h"

#include <array>

#include "base/file_kind.h"
#include "base/mapped_file.h"
#include "tokenizer/model_check.h"
#include "tokenizer/sentencepiece_library.h"

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
  explicit Model(const SentencePieceFunctions& functions_in) : functions(functions_in) {}
  ~Model() {
    if (processor != nullptr) functions.destroy(processor);
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const SentencePieceFunctions& functions;
  VlaqSentencePiece* processor = nullptr;
};

Tokenizer::Tokenizer(std::unique_ptr<Model> model)
    : model_(std::move(model)), vocabulary_(model_->functions.piece_count(model_->processor)) {}

Tokenizer::~Tokenizer() = default;

Result<std::shared_ptr<const Tokenizer>> Tokenizer::Load(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return Parse(file->bytes(), path.string());
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::Parse(Bytes bytes, const std::string& where) {
  const auto refuse = [&](std::string what) { return InputError(where, std::move(what), std::string(kAdvice)); };
  if (const auto kind = RecognizeFile(bytes); kind && kind->name != kSentencePieceKind) {
    return WrongFile(where, bytes, "a SentencePiece model", std::string(kAdvice));
  }
  if (bytes.size() > kMaxModelBytes) {
    return refuse(std::to_string(bytes.size()) + " bytes cannot be a SentencePiece model");
  }
  VLAQ_RETURN_IF_ERROR(CheckModelBytes(bytes, where));
  VLAQ_ASSIGN_OR_RETURN(const SentencePieceFunctions* functions, LoadSentencePiece());
  auto model = std::make_unique<Model>(*functions);
  std::array<char, 512> message{};
  model->processor = functions->create(bytes.data(), bytes.size(), message.data(), message.size());
  if (model->processor == nullptr) return refuse(std::string("not a SentencePiece model (") + message.data() + ")");
  const int pieces = functions->piece_count(model->processor);
  if (pieces < 4 || pieces > kMaxPieces) return refuse(std::to_string(pieces) + " pieces cannot be a vocabulary");
  if (functions->starts_like_xlm_roberta(model->processor) == 0) {
    return refuse("the pieces do not begin with <unk>, <s>, </s> as XLM-RoBERTa's do, so their ids are not known");
  }
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(model)));
}

Status Tokenizer::EncodeSegment(std::string_view segment, std::vector<int64_t>& ids) const {
  if (segment.empty()) return {};
  struct Target {
    const Vocabulary& vocabulary;
    std::vector<int64_t>& ids;
  } target{vocabulary_, ids};
  const auto add = [](void* context, int piece) {
    auto* to = static_cast<Target*>(context);
    to->ids.push_back(to->vocabulary.piece(piece));
  };
  std::array<char, 512> message{};
  const int ok = model_->functions.encode(model_->processor, segment.data(), segment.size(), add, &target,
                                          message.data(), message.size());
  if (ok == 0) {
    return InputError("the tokenizer's model", std::string("SentencePiece cannot encode with it: ") + message.data(),
                      std::string(kAdvice));
  }
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
