#include "checkpoint/safetensors_writer.h"

#include <span>

#include "base/json.h"
#include "checkpoint/safetensors_header.h"

namespace vlaq::checkpoint {

Status WriteSafetensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors,
                        Existing existing) {
  Json header_json = Json::object();
  size_t end = 0;
  for (const auto& [name, tensor] : tensors) {
    const size_t begin = end;
    end += tensor.bytes().size();
    header_json[name] = {
        {"dtype", SafetensorsName(tensor.dtype())}, {"shape", tensor.shape()}, {"data_offsets", {begin, end}}};
  }
  std::string header = JsonString(header_json);
  header.resize((header.size() + 7) / 8 * 8, ' ');  // so that the data is aligned
  const uint64_t length = header.size();
  VLAQ_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(path, existing));
  VLAQ_RETURN_IF_ERROR(file.Write(std::as_bytes(std::span(&length, 1))));
  VLAQ_RETURN_IF_ERROR(file.Write(header));
  for (const auto& [name, tensor] : tensors) VLAQ_RETURN_IF_ERROR(file.Write(tensor.bytes()));
  return file.Commit();
}

}  // namespace vlaq::checkpoint
