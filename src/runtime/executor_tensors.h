// What steps of a schedule do with tensors without a graph, in memory that is used again. Private to the executor.
#pragma once

#include <span>

#include "base/status.h"
#include "runtime/reused_tensor.h"
#include "tensor/tensor.h"

namespace vlaq::runtime {

// Same type, shape and bytes.
bool SameTensor(const Tensor& a, const Tensor& b);

// [n, ...] of tensors [n_i, ...], one after the other along the batch axis. Errors: kUsage for other types or shapes.
Result<Tensor> Stacked(std::span<const Tensor> rows);

// What one step makes again and again.
struct MadeTensor {
  ReusedTensor tensor;
  Shape shape;  // room for working it out
};

// `index` along `axis`, that axis gone; a negative index counts from the end. Errors: kInput without a place for an
// index that is not there, or a type whose elements are no whole bytes.
Status SelectAlong(const Tensor& value, size_t axis, int64_t index, MadeTensor& selected);

// values[parts[0]], values[parts[1]] ... one after the other along `axis`; at least one. Errors: kInput without a place
// where they do not fit together.
Status ConcatAlong(std::span<const Tensor> values, std::span<const size_t> parts, size_t axis, MadeTensor& whole);

}  // namespace vlaq::runtime
