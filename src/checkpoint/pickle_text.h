// One line of text about a pickle value, for a person: bounded in length, depth and time whatever the value is.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "checkpoint/pickle_value.h"
#include "checkpoint/torch_tensors.h"

namespace vlaq::checkpoint {

// The number in a tensor of one element as text, or empty if it cannot be read.
using ScalarText = std::function<std::string(const TorchTensor&)>;

// Not thread-safe; the document must outlive it.
class PickleDescriber {
 public:
  // `scalar` is asked only for a value that is itself a tensor of one element.
  PickleDescriber(const PickleDocument& document, ScalarText scalar);

  // "7", "Namespace(lr=0.0001, data_dir='episodes')", "dict: 48 tensors, 315,901,968 bytes (not read)": anything that
  // holds tensors is summed up.
  std::string Describe(ValueId value);

 private:
  struct TensorSum {
    int64_t tensors = 0;
    uint64_t bytes = 0;
    bool complete = true;  // false once the budget is used up
  };
  TensorSum SumTensors(ValueId root);
  std::string DescribeTensor(ValueId value) const;

  const PickleDocument& document_;
  ScalarText scalar_;
  std::vector<uint32_t> seen_;  // the round in which a value was visited last
  uint32_t round_ = 0;
  size_t budget_;  // visits left over all calls, so that values shared by many cannot make the work quadratic
};

}  // namespace vlaq::checkpoint
