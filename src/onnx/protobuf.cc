#include "onnx/protobuf.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

#include <limits>

#include "base/file_kind.h"
#include "base/mapped_file.h"

namespace vlaq::onnx {

void QuietProtobuf() {
  static const bool once = [] {
    google::protobuf::SetLogHandler(nullptr);
    return true;
  }();
  static_cast<void>(once);
}

Result<std::shared_ptr<::onnx::ModelProto>> ParseModelProto(Bytes bytes, const std::string& name) {
  QuietProtobuf();
  const auto kind = RecognizeFile(bytes, name);
  const bool is_other = kind && kind->name != kOnnxKind;
  const auto other = [&] {
    return WrongFile(name, bytes, "an ONNX model", "of a checkpoint `vlaq export CHECKPOINT -o BUNDLE` makes some");
  };
  if (is_other && kind->stands_for_other) return other();
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    if (is_other) return other();
    return InputError(name, "larger than 2 GB, which an ONNX file cannot be", "use external data for weights");
  }
  auto proto = std::make_shared<::onnx::ModelProto>();
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  // MergePartial: the required-field checks of proto2 would only repeat what the reader checks with better words.
  const bool parsed = proto->ParsePartialFromCodedStream(&stream) && stream.ConsumedEntireMessage();
  if (!parsed) {
    if (is_other) return other();
    return InputError(name, fmt::format("not an ONNX model: its protobuf structure breaks off near byte {}",
                                        stream.CurrentPosition()));
  }
  if (proto->ir_version() <= 0 || !proto->has_graph()) {
    if (is_other) return other();
    return InputError(name, "not an ONNX model: it has no IR version or no graph");
  }
  return proto;
}

Result<std::shared_ptr<::onnx::ModelProto>> ParseModelFile(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return ParseModelProto(file->bytes(), path.string());
}

}  // namespace vlaq::onnx
