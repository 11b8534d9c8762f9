// From an instruction to the values that a policy's graphs read: what a text input's encoder makes, as its family says.
// In scope: the interface. Not aware of: graphs, steps, bundles.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq::families {

struct EncodedTask {
  std::string text;                      // as the policy reads it; empty if it was given as values
  std::map<std::string, Tensor> values;  // "task.input_ids" ..., without batch axis
  std::string complaint;                 // what is odd about it although it can be run; empty if nothing is
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
  virtual Result<EncodedTask> Complete(const std::map<std::string, Tensor>& values) const = 0;
  // Whether there is a tokenizer.
  virtual bool can_encode() const = 0;
};

}  // namespace vlaq::families
