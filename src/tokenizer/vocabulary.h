// Token ids of Kosmos-2: how an XLM-RoBERTa style vocabulary numbers the pieces of a SentencePiece model, and where the
// tokens stand that Kosmos-2 adds. Everything follows from the number of pieces; no file is needed.
//
// With P pieces: 0 <s>, 1 <pad>, 2 </s>, 3 <unk>; piece k (from 3 on) has id k + 1, up to P; then P + 1 <mask>, the
// eleven tags from P + 2 on, and 1024 patch indices from P + 13 on. Immutable; any thread may use it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vlaq::tokenizer {

inline constexpr int64_t kBosId = 0;  // <s>
inline constexpr int64_t kPadId = 1;  // <pad>
inline constexpr int64_t kEosId = 2;  // </s>
inline constexpr int64_t kUnknownId = 3;
inline constexpr int64_t kPatchTokens = 1024;
// Pieces of kosmos-2-patch14-224's own vocabulary (65037 ids).
inline constexpr int64_t kKosmos2Pieces = 64000;

// In the order of their ids.
inline constexpr std::array<std::string_view, 11> kTags = {
    "</doc>",     "<image>",   "</image>", "</chunk>",  "</line>",
    "<phrase>",   "</phrase>", "<object>", "</object>", "</delimiter_of_multi_objects/>",
    "<grounding>"};

class Vocabulary {
 public:
  // `pieces`: of the SentencePiece model, its <unk>, <s> and </s> included; at least 3.
  explicit constexpr Vocabulary(int64_t pieces) : pieces_(pieces) {}

  // Number of ids; all ids are below it.
  constexpr int64_t size() const { return FirstPatch() + kPatchTokens; }
  constexpr int64_t mask() const { return pieces_ + 1; }
  constexpr int64_t image_open() const { return FirstTag() + 1; }
  constexpr int64_t image_close() const { return FirstTag() + 2; }
  constexpr int64_t grounding() const { return FirstTag() + 10; }
  // `index` is 0 to 1023.
  constexpr int64_t patch(int64_t index) const { return FirstPatch() + index; }
  // The id of a SentencePiece result; its unknown and control pieces (0 to 2) are <unk> here.
  constexpr int64_t piece(int64_t k) const { return k < 3 || k >= pieces_ ? kUnknownId : k + 1; }

  // The id of a token that is recognized in text before SentencePiece sees it: "<s>", "<mask>", "<grounding>",
  // "<patch_index_0044>" ...; nullopt for anything else.
  std::optional<int64_t> FindSpecial(std::string_view token) const;

 private:
  constexpr int64_t FirstTag() const { return pieces_ + 2; }
  constexpr int64_t FirstPatch() const { return FirstTag() + static_cast<int64_t>(kTags.size()); }

  int64_t pieces_;
};

}  // namespace vlaq::tokenizer
