// The text encoder of a bundle: its family's, with the bundle's own tokenizer or another.
#pragma once

#include <filesystem>
#include <memory>

#include "base/status.h"
#include "bundle/bundle.h"
#include "families/text_encoder.h"

namespace vlaq::runtime {

using families::EncodedTask;
using families::TextEncoder;

// Null if the policy has no text input. `tokenizer`: empty for the bundle's own; it is read when it is first needed.
// Errors: kInput for a family whose encoder is not known.
Result<std::unique_ptr<TextEncoder>> OpenTextEncoder(const bundle::Bundle& bundle,
                                                     const std::filesystem::path& tokenizer);

}  // namespace vlaq::runtime
