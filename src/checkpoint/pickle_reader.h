// A bounded interpreter of the pickle language that only ever builds inert values (pickle_value.h).
//
// Covers what Python's pickler writes with protocols 2 to 5; the text opcodes of protocols 0 and 1, the extension
// registry and out-of-band buffers are refused. No recursion; memory stays in proportion to the pickle.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "checkpoint/pickle_value.h"

namespace vlaq::checkpoint {

struct PickleLimits {
  size_t max_bytes = size_t{64} << 20U;  // the published 7 GB checkpoint has 0.2 MB
  size_t max_values = 4'000'000;         // 32 bytes each; and four times as many elements of containers
  size_t max_marks = 1000;               // nesting of containers, as Python's own recursion limit
};

// `pickle` must outlive the document. `where` names it in errors ("model.pth: data.pkl"). Errors: kInput with the
// offset of the opcode.
Result<PickleDocument> ReadPickle(Bytes pickle, std::string_view where, const PickleLimits& limits = {});

}  // namespace vlaq::checkpoint
