#include "onnx/protobuf.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

#include <array>
#include <limits>
#include <string_view>

#include "base/mapped_file.h"

namespace vlaq::onnx {

void QuietProtobuf() {
  static const bool once = [] {
    google::protobuf::SetLogHandler(nullptr);
    return true;
  }();
  static_cast<void>(once);
}

namespace {

// Files of other kinds, by how they begin.
struct OtherKind {
  std::string_view begins, what, advice;
};
constexpr std::array kOtherKinds = {
    OtherKind{"version https://git-lfs", "is a Git LFS pointer, not the file itself", "fetch it: git lfs pull"},
    OtherKind{"PK\x03\x04", "is a zip, as PyTorch checkpoints are, not an ONNX model",
              "vlaq export CHECKPOINT -o BUNDLE first"},
    OtherKind{"\x89HDF", "is an HDF5 file, not an ONNX model", ""},
    OtherKind{"<", "is a web page, not the file itself", "download it again"},
    OtherKind{"{", "is JSON, not an ONNX model", "give the folder of a bundle, or an .onnx file"},
};

// Eight bytes of a length, then JSON.
bool IsSafetensors(std::string_view text) {
  return text.size() > 9 && text[8] == '{' && text.substr(5, 3) == std::string_view("\0\0\0", 3);
}

Error NotOnnx(std::string_view text, const std::string& name, const std::string& what) {
  for (const OtherKind& kind : kOtherKinds) {
    if (text.starts_with(kind.begins)) return InputError(name, std::string(kind.what), std::string(kind.advice));
  }
  if (IsSafetensors(text)) {
    return InputError(name, "is a safetensors checkpoint, not an ONNX model", "vlaq export CHECKPOINT -o BUNDLE first");
  }
  return InputError(name, what);
}

}  // namespace

Result<std::shared_ptr<::onnx::ModelProto>> ParseModelProto(Bytes bytes, const std::string& name) {
  QuietProtobuf();
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return InputError(name, "larger than 2 GB, which an ONNX file cannot be", "use external data for weights");
  }
  auto proto = std::make_shared<::onnx::ModelProto>();
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  // MergePartial: the required-field checks of proto2 would only repeat what the reader checks with better words.
  const bool parsed = proto->ParsePartialFromCodedStream(&stream) && stream.ConsumedEntireMessage();
  if (!parsed) {
    return NotOnnx(
        AsText(bytes), name,
        fmt::format("not an ONNX model: its protobuf structure breaks off near byte {}", stream.CurrentPosition()));
  }
  if (proto->ir_version() <= 0 || !proto->has_graph()) {
    return NotOnnx(AsText(bytes), name, "not an ONNX model: it has no IR version or no graph");
  }
  return proto;
}

Result<std::shared_ptr<::onnx::ModelProto>> ParseModelFile(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return ParseModelProto(file->bytes(), path.string());
}

}  // namespace vlaq::onnx
