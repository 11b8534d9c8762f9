// Finds the model's tensors in what torch.save() was given: the dict under a well-known key, or the whole file.
// Not aware of files: works on pickle values alone.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "checkpoint/pickle_value.h"
#include "checkpoint/torch_tensors.h"

namespace vlaq::checkpoint {

struct NamedTensor {
  std::string name;  // nested dicts are joined with dots
  TorchTensor tensor;
};

struct StateDict {
  std::string container;  // "model_state_dict", ...; empty when the tensors are at the top
  std::vector<NamedTensor> tensors;
  std::vector<std::pair<std::string, ValueId>> others;  // what else there is, not looked into
  std::vector<std::string> alternatives;  // keys of further state dicts with the same names ("ema_state_dict")
};

// `where` names the file in errors. `wanted`: the key of the state dict to take, "ema.model" for one inside another;
// empty: the well-known one. Errors: kInput if there are no tensors, if one cannot be read, or if the nesting is not
// that of modules; kUsage, listing the keys, if there is no such state dict.
Result<StateDict> FindStateDict(const PickleDocument& document, const std::string& where,
                                const std::string& wanted = "");

}  // namespace vlaq::checkpoint
