// Private to this module.
#pragma once

#include <string_view>

namespace vlaq::onnx {

// ValueInfo::other_type of a value that declares no type at all, as outputs of subgraphs may.
inline constexpr std::string_view kUntyped = "untyped";

}  // namespace vlaq::onnx
