// From an instruction to the values that a policy's graphs read: what a text input's encoder makes, as its family says.
// In scope: which family encodes how, and the instruction that a bundle was made with. Not aware of: graphs, steps.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "backend/backend.h"
#include "base/status.h"
#include "bundle/bundle.h"

namespace vlaq::runtime {

struct EncodedTask {
  std::string text;              // as the policy reads it; empty if it was given as values
  backend::NamedTensors values;  // "task.input_ids" ..., without batch axis
  std::string complaint;         // what is odd about it although it can be run; empty if nothing is
};

// Any thread may use it.
class TextEncoder {
 public:
  virtual ~TextEncoder() = default;
  // The instruction that the bundle was made with.
  virtual const EncodedTask& Exported() const = 0;
  // Errors: kUsage for an instruction that the policy cannot take, or if there is no tokenizer; kInput for a tokenizer
  // that is damaged or not the policy's.
  virtual Result<EncodedTask> Encode(std::string_view task) const = 0;
  // Reads the tokenizer now, where there is one. Errors: kInput.
  virtual Status Load() const = 0;
  // The same of values that are encoded already; those that follow from others may be left out. Errors: kUsage.
  virtual Result<EncodedTask> Complete(const backend::NamedTensors& values) const = 0;
  // Whether there is a tokenizer.
  virtual bool can_encode() const = 0;
};

// Null if the policy has no text input. `tokenizer`: empty for the bundle's own; it is read when it is first needed.
// Errors: kInput for a family whose encoder is not known.
Result<std::unique_ptr<TextEncoder>> OpenTextEncoder(const bundle::Bundle& bundle,
                                                     const std::filesystem::path& tokenizer);

}  // namespace vlaq::runtime
