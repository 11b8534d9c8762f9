#include "tokenizer/sentencepiece_library.h"

#include "base/shared_library.h"

namespace vlaq::tokenizer {
namespace {

constexpr std::string_view kModule = "libvlaq_sentencepiece.so";
constexpr const char* kEntry = "VlaqSentencePieceModule";

Result<const SentencePieceFunctions*> Load() {
  std::vector<std::filesystem::path> candidates;
  for (const auto& folder : ProgramLibraryFolders()) candidates.push_back(folder / kModule);
  // Where this build put it; empty in a build for another system.
  if (!std::string_view(VLAQ_SENTENCEPIECE_MODULE).empty()) candidates.emplace_back(VLAQ_SENTENCEPIECE_MODULE);
  std::string tried;
  for (const auto& candidate : candidates) {
    const auto library = LoadSharedLibrary(candidate, true);
    if (!library.ok()) {
      tried += "\n  " + library.error().what;
      continue;
    }
    using Entry = const SentencePieceFunctions* (*)();
    const auto entry = reinterpret_cast<Entry>(FindSymbol(*library, kEntry));
    if (entry != nullptr) return entry();
    tried += "\n  " + candidate.string() + ": is not vlaq's module";
  }
  return InputError(std::string(kModule), "the tokenizer's module does not load; tried:" + tried,
                    "install vlaq's folder as a whole");
}

}  // namespace

Result<const SentencePieceFunctions*> LoadSentencePiece() {
  static const Result<const SentencePieceFunctions*> loaded = Load();
  return loaded;
}

}  // namespace vlaq::tokenizer
