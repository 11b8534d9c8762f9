// What a file is by its content, whatever its name says: for the error of a reader that was given something else. A
// table of signatures, as file(1) has one, with what helps. Not aware of: whether the rest of the file is in order.
// Pure functions.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace vlaq {

// Names that callers compare with.
inline constexpr std::string_view kPyTorchKind = "a PyTorch file";
inline constexpr std::string_view kSafetensorsKind = "a safetensors file";
inline constexpr std::string_view kHdf5Kind = "an HDF5 file";
inline constexpr std::string_view kOnnxKind = "an ONNX model";
inline constexpr std::string_view kSentencePieceKind = "a SentencePiece model (a tokenizer)";
inline constexpr std::string_view kMcapKind = "an MCAP recording (ROS 2 bag)";
inline constexpr std::string_view kJsonKind = "JSON text";

struct FileKind {
  std::string name;               // "a WebP picture", "a web page"
  std::string remedy;             // what to do whatever was wanted; may be empty
  bool stands_for_other = false;  // a pointer, an error page: not what the name promises, whatever that is
  bool is_picture = false;        // still pictures and films
};

// Looks at the first bytes, and of a zip at the names inside. `path` decides only where the bytes do not. nullopt: not
// recognized.
std::optional<FileKind> RecognizeFile(Bytes bytes, const std::filesystem::path& path = {});
// The same for a file on disk; also nullopt if it cannot be read.
std::optional<FileKind> RecognizeFile(const std::filesystem::path& path);

// kInput: "where: is a WebP picture, not `wanted`; ...". `wanted` with its article ("a checkpoint"). `advice` is given
// where the kind has no remedy of its own; `otherwise` is what is wrong with a file that is not recognized.
Error WrongFile(std::string where, Bytes bytes, std::string_view wanted, std::string advice,
                std::string otherwise = "");

}  // namespace vlaq
