// The header of a safetensors file: which tensors there are and which bytes they occupy. Checks every rule of the
// format (sizes, tiling, types) so that nobody after it has to. Pure: bytes in, table out.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "tensor/tensor.h"

namespace vlaq::checkpoint {

struct SafetensorsTensor {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  uint64_t begin = 0;  // bytes from the start of the data buffer
  uint64_t end = 0;
};

struct SafetensorsHeader {
  uint64_t data_offset = 0;  // where the data buffer begins in the file
  std::vector<SafetensorsTensor> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;
};

// "BF16"; empty for a type that the format has not.
std::string_view SafetensorsName(DType dtype);

// `file` is the whole file, `where` names it in errors. Errors: kInput naming the header or the tensor.
Result<SafetensorsHeader> ReadSafetensorsHeader(Bytes file, const std::string& where);

}  // namespace vlaq::checkpoint
