#include "onnx/libraries.h"

#include <fmt/format.h>
#include <google/protobuf/stubs/common.h>
#include <onnx/common/version.h>
#include <onnx/defs/schema.h>
#include <onnx/onnx_pb.h>

namespace vlaq::onnx {

std::vector<LibraryVersion> Libraries() {
  const auto range = ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map().at("");
  return {
      {"libonnx",
       fmt::format("IR {}, opset {}, release {}", static_cast<int>(::onnx::Version::IR_VERSION), range.second,
                   ::onnx::LAST_RELEASE_VERSION),
       "graphs and their checker"},
      {"protobuf", ::google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION), "ONNX files"},
  };
}

}  // namespace vlaq::onnx
