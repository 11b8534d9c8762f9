// SentencePiece, for `doctor`.
#pragma once

#include "base/libraries.h"
#include "base/status.h"

namespace vlaq::tokenizer {
// Errors: kInput if its module does not load.
Result<std::vector<LibraryVersion>> Libraries();
}  // namespace vlaq::tokenizer
