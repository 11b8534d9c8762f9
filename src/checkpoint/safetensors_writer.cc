#include "checkpoint/safetensors_writer.h"

#include "base/json.h"
#include "base/output.h"
#include "checkpoint/safetensors_header.h"

namespace vlaq::checkpoint {

Status WriteSafetensors(const std::filesystem::path& path, std::string_view name, const Tensor& tensor) {
  const Json entry = {{"dtype", SafetensorsName(tensor.dtype())},
                      {"shape", tensor.shape()},
                      {"data_offsets", {0, tensor.bytes().size()}}};
  std::string header = JsonString(Json{{std::string(name), entry}});
  header.resize((header.size() + 7) / 8 * 8, ' ');  // so that the data is aligned
  const uint64_t length = header.size();
  VLAQ_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(path, Existing::kReplace));
  VLAQ_RETURN_IF_ERROR(file.Write(std::as_bytes(std::span(&length, 1))));
  VLAQ_RETURN_IF_ERROR(file.Write(header));
  VLAQ_RETURN_IF_ERROR(file.Write(tensor.bytes()));
  return file.Commit();
}

}  // namespace vlaq::checkpoint
