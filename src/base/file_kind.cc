#include "base/file_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <vector>

#include "base/mapped_file.h"
#include "base/text.h"

namespace vlaq {
namespace {

using namespace std::string_view_literals;

constexpr size_t kLookedAt = 4096;  // bytes of a text
constexpr size_t kZipNames = 16;

constexpr std::string_view kUnpack = "unpack it, and name the file inside";
constexpr std::string_view kFrames =
    "write its frames as pictures first, for instance: ffmpeg -i FILE frames/%06d.png, and name that folder";
constexpr std::string_view kConvert = "convert it to PNG or JPEG";

enum class Group { kOther, kPicture };

struct Signature {
  size_t offset;
  std::string_view bytes;
  std::string_view name, remedy;
  Group group = Group::kOther;
};

// In this order; a longer signature stands before one that it begins with.
constexpr std::array kSignatures{
    Signature{0, "\x89PNG\r\n\x1a\n"sv, "a PNG picture", "", Group::kPicture},
    Signature{0, "\xff\xd8\xff"sv, "a JPEG picture", "", Group::kPicture},
    Signature{0, "GIF8"sv, "a GIF picture", kConvert, Group::kPicture},
    Signature{0, "II*\0"sv, "a TIFF picture", kConvert, Group::kPicture},
    Signature{0, "MM\0*"sv, "a TIFF picture", kConvert, Group::kPicture},
    Signature{0, "\0\0\0\x0cjP  "sv, "a JPEG 2000 picture", kConvert, Group::kPicture},
    Signature{0, "\0\0\0\x0cJXL "sv, "a JPEG XL picture", kConvert, Group::kPicture},
    Signature{0, "\xff\x0a"sv, "a JPEG XL picture", kConvert, Group::kPicture},
    Signature{0, "qoif"sv, "a QOI picture", kConvert, Group::kPicture},
    Signature{0, "v/1\x01"sv, "an OpenEXR picture", kConvert, Group::kPicture},
    Signature{0, "8BPS"sv, "a Photoshop picture", kConvert, Group::kPicture},
    Signature{0, "\x1a\x45\xdf\xa3"sv, "a video (Matroska or WebM)", kFrames, Group::kPicture},
    Signature{0, "FLV\x01"sv, "a video (Flash)", kFrames, Group::kPicture},
    Signature{0, "\0\0\x01\xba"sv, "a video (MPEG)", kFrames, Group::kPicture},
    Signature{0, "\0\0\x01\xb3"sv, "a video (MPEG)", kFrames, Group::kPicture},
    Signature{0, "\x1f\x8b"sv, "packed with gzip",
              "unpack it: gunzip FILE, or tar xzf FILE if it holds several; then name the file inside"},
    Signature{0,
              "\xfd"
              "7zXZ\0"sv,
              "packed with xz", kUnpack},
    Signature{0, "\x28\xb5\x2f\xfd"sv, "packed with zstd", kUnpack},
    Signature{0, "BZh"sv, "packed with bzip2", kUnpack},
    Signature{0, "\x04\x22\x4d\x18"sv, "packed with lz4", kUnpack},
    Signature{0, "7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive", kUnpack},
    Signature{0, "Rar!\x1a\x07"sv, "a RAR archive", kUnpack},
    Signature{257, "ustar"sv, "a tar archive", "unpack it with tar xf, and name the file inside"},
    Signature{0, "GGUF"sv, "a GGUF file (llama.cpp), which holds no training checkpoint", ""},
    Signature{0, "lmgg"sv, "a GGML file (llama.cpp), which holds no training checkpoint", ""},
    Signature{0, "tjgg"sv, "a GGML file (llama.cpp), which holds no training checkpoint", ""},
    Signature{0, "ftrt"sv, "a TensorRT engine, which runs on the machine that built it and cannot be read", ""},
    Signature{0, "ptrt"sv, "a TensorRT engine, which runs on the machine that built it and cannot be read", ""},
    Signature{4, "TFL3"sv, "a TensorFlow Lite model", ""},
    Signature{0, "\x93NUMPY"sv, "a NumPy array (.npy)", ""},
    Signature{0, "PAR1"sv, "a Parquet table, as LeRobot's data sets have them", ""},
    Signature{0, "ARROW1"sv, "an Arrow table", ""},
    Signature{0, "SQLite format 3\0"sv, "an SQLite database, as ROS 2 bags are", ""},
    Signature{0, "#ROSBAG V"sv, "a ROS 1 bag", ""},
    Signature{0, "\x89MCAP0\r\n"sv, kMcapKind, ""},
    Signature{0,
              "\x7f"
              "ELF"sv,
              "a program or library", ""},
    Signature{0, "MZ"sv, "a Windows program", ""},
    Signature{0, "%PDF"sv, "a PDF document", ""},
    Signature{0, "\0asm"sv, "a WebAssembly program", ""},
};

// HDF5 may begin behind a block of the user's.
bool IsHdf5(std::string_view text) {
  for (size_t at = 0; at + 8 <= text.size() && at <= (size_t{1} << 20U); at = at == 0 ? 512 : 2 * at) {
    if (text.substr(at).starts_with("\x89HDF\r\n\x1a\n"sv)) return true;
  }
  return false;
}

// A container whose brand stands at byte 8: RIFF (WebP, AVI, WAV), and ISO media (HEIC, AVIF, MP4).
std::optional<FileKind> ContainerKind(std::string_view text) {
  if (text.size() < 12) return std::nullopt;
  const std::string_view brand = text.substr(8, 4);
  const auto picture = [](std::string_view name, std::string_view remedy) {
    return FileKind{std::string(name), std::string(remedy), false, true};
  };
  if (text.starts_with("RIFF")) {
    if (brand == "WEBP") return picture("a WebP picture", kConvert);
    if (brand == "AVI ") return picture("a video (AVI)", kFrames);
    return FileKind{"a RIFF file, such as sound", "", false, false};
  }
  if (text.substr(4, 4) != "ftyp") return std::nullopt;
  for (const std::string_view heif : {"heic", "heix", "hevc", "mif1", "msf1", "heim", "heis"}) {
    if (brand == heif) return picture("a HEIC picture", kConvert);
  }
  if (brand == "avif" || brand == "avis") return picture("an AVIF picture", kConvert);
  return picture("a video (MP4 or QuickTime)", kFrames);
}

// A BMP says its own size in bytes, and where its pixels begin.
bool IsBmp(Bytes bytes) {
  if (bytes.size() < 26 || !AsText(bytes).starts_with("BM")) return false;
  const auto header = LoadLittle<uint32_t>(bytes, 14);
  return LoadLittle<uint32_t>(bytes, 10) <= bytes.size() && (header == 12 || (header >= 40 && header <= 124));
}

bool IsPortableMap(std::string_view text) {
  return text.size() > 3 && text[0] == 'P' && text[1] >= '1' && text[1] <= '7' &&
         (text[2] == '\n' || text[2] == ' ' || text[2] == '\r');
}

// "size 7096345921" -> " (7.10 GB)"
std::string LfsSize(std::string_view text) {
  const size_t at = text.find("\nsize ");
  uint64_t size = 0;
  if (at == std::string_view::npos) return "";
  const std::string_view number = text.substr(at + 6, 20);
  if (std::from_chars(number.data(), number.data() + number.size(), size).ec != std::errc()) return "";
  return fmt::format(" ({})", HumanBytes(size));
}

std::string Lowercase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// What stands for a file that is elsewhere, or tells why it did not come.
std::optional<FileKind> StandInKind(std::string_view text) {
  if (text.starts_with("version https://git-lfs.github.com/") ||
      text.starts_with("version https://hawser.github.com/")) {
    return FileKind{"a Git LFS pointer, not the file", fmt::format("fetch it: git lfs pull{}", LfsSize(text)), true,
                    false};
  }
  if (text.size() < 1024 && text.find("annex/objects/") != std::string_view::npos) {
    return FileKind{"a git-annex pointer, not the file", "fetch it: git annex get", true, false};
  }
  const size_t begin = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (begin == std::string_view::npos || text[begin] != '<') return std::nullopt;
  const std::string start = Lowercase(text.substr(begin, 512));
  if (start.starts_with("<?xml") && start.find("<html") == std::string::npos &&
      start.find("<error>") == std::string::npos) {
    return FileKind{"an XML document", "", false, false};
  }
  return FileKind{"a web page, not the file", "download it again; a page often says that one must log in first", true,
                  false};
}

// Member names of a zip in the order of their local headers, as far as the sizes are known there.
std::vector<std::string_view> ZipNames(Bytes bytes) {
  std::vector<std::string_view> names;
  size_t at = 0;
  while (names.size() < kZipNames && at + 30 <= bytes.size() && AsText(bytes).substr(at).starts_with("PK\x03\x04")) {
    const auto flags = LoadLittle<uint16_t>(bytes, at + 6);
    const uint64_t packed = LoadLittle<uint32_t>(bytes, at + 18);
    const uint64_t name = LoadLittle<uint16_t>(bytes, at + 26);
    const uint64_t extra = LoadLittle<uint16_t>(bytes, at + 28);
    if (name > bytes.size() - at - 30) break;
    names.push_back(AsText(bytes).substr(at + 30, name));
    if ((flags & 8U) != 0 || packed == 0xFFFFFFFFU) break;  // the size follows later
    at += 30 + name + extra + packed;
  }
  return names;
}

std::optional<FileKind> ZipKind(Bytes bytes) {
  const std::string_view text = AsText(bytes);
  if (!text.starts_with("PK\x03\x04") && !text.starts_with("PK\x05\x06")) return std::nullopt;
  const auto names = ZipNames(bytes);
  const auto any = [&](auto test) { return std::any_of(names.begin(), names.end(), test); };
  const auto other = [](std::string name, std::string_view remedy) {
    return FileKind{std::move(name), std::string(remedy), false, false};
  };
  if (any([](auto n) { return n.ends_with("/data.pkl") || n == "data.pkl"; }))
    return other(std::string(kPyTorchKind), "");
  if (any([](auto n) { return n.ends_with(".npy"); })) return other("NumPy arrays (.npz)", "");
  if (any([](auto n) { return n == "[Content_Types].xml"; })) return other("an Office document", "");
  if (any([](auto n) { return n.ends_with("model.weights.h5"); })) return other("a Keras model (.keras)", "");
  std::string first;
  if (!names.empty() && IsUtf8(names[0])) first = fmt::format(" (of {} ...)", names[0].substr(0, 60));
  return other("a zip archive" + first, kUnpack);
}

// protobuf of an ONNX model: ir_version first, then a field that ModelProto has.
bool IsOnnx(std::string_view text) {
  if (text.size() < 4 || text[0] != '\x08' || text[1] < 1 || text[1] > 20) return false;
  return "\x12\x1a\x22\x28\x32\x3a\x42"sv.find(text[2]) != std::string_view::npos;
}

// Its first piece, in protobuf: the length of the piece, then its text.
bool IsSentencePiece(std::string_view text) {
  return text.starts_with('\n') && text.substr(2).starts_with("\n\x05<unk>");
}

std::optional<FileKind> TextKind(std::string_view text) {
  const std::string_view start = text.substr(0, kLookedAt);
  const auto is_control = [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 &&
            std::string_view("\t\n\r\f\x1b").find(c) == std::string_view::npos) ||
           c == '\x7f';
  };
  if (std::any_of(start.begin(), start.end(), is_control)) return std::nullopt;
  std::string_view whole = start;  // a cut may have split a character
  for (int i = 0; i < 4 && text.size() > kLookedAt && !IsUtf8(whole); ++i) whole.remove_suffix(1);
  if (!IsUtf8(whole)) return std::nullopt;
  const size_t begin = start.find_first_not_of(" \t\r\n");
  const char first = begin == std::string_view::npos ? ' ' : start[begin];
  if (first == '{' || first == '[') return FileKind{std::string(kJsonKind), "", false, false};
  return FileKind{start.starts_with("#!") ? "a script" : "text", "", false, false};
}

// By name alone: what has no signature of its own.
std::optional<FileKind> KindByName(const std::filesystem::path& path) {
  struct Row {
    std::string_view ending, name;
  };
  constexpr std::array kRows{
      Row{".engine", "a TensorRT engine, which runs on the machine that built it and cannot be read"},
      Row{".plan", "a TensorRT engine, which runs on the machine that built it and cannot be read"},
      Row{".trt", "a TensorRT engine, which runs on the machine that built it and cannot be read"},
      Row{".tfrecord", "a TensorFlow record file, as Open X-Embodiment's data sets have them"},
      Row{".msgpack", "a Flax checkpoint (msgpack)"},
  };
  const std::string ending = Lowercase(path.extension().string());
  for (const Row& row : kRows) {
    if (ending == row.ending) return FileKind{std::string(row.name), "", false, false};
  }
  return std::nullopt;
}

}  // namespace

std::optional<FileKind> RecognizeFile(Bytes bytes, const std::filesystem::path& path) {
  const std::string_view text = AsText(bytes);
  if (text.empty()) return FileKind{"empty", "copy or download it again", true, false};
  if (auto kind = StandInKind(text.substr(0, kLookedAt))) return kind;
  for (const Signature& row : kSignatures) {
    if (text.size() >= row.offset && text.substr(row.offset).starts_with(row.bytes)) {
      return FileKind{std::string(row.name), std::string(row.remedy), false, row.group == Group::kPicture};
    }
  }
  if (auto kind = ContainerKind(text)) return kind;
  if (IsBmp(bytes)) return FileKind{"a BMP picture", std::string(kConvert), false, true};
  if (IsPortableMap(text)) return FileKind{"a portable pixmap (PNM)", std::string(kConvert), false, true};
  if (IsHdf5(text)) return FileKind{std::string(kHdf5Kind), "", false, false};
  if (auto kind = ZipKind(bytes)) return kind;
  if (text.size() > 9 && text[8] == '{' && LoadLittle<uint64_t>(bytes) <= bytes.size() - 8) {
    return FileKind{std::string(kSafetensorsKind), "", false, false};
  }
  if (text.size() > 9 && IsSentencePiece(text)) return FileKind{std::string(kSentencePieceKind), "", false, false};
  if (IsOnnx(text)) return FileKind{std::string(kOnnxKind), "", false, false};
  if (text.size() > 2 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5) {
    return FileKind{"a Python pickle that torch.save() did not write",
                    "load it where it was made, and save the weights: torch.save(model.state_dict(), 'weights.pth')",
                    false, false};
  }
  const std::string_view start = text.substr(0, kLookedAt);
  if (start.size() >= 16 && std::all_of(start.begin(), start.end(), [](char c) { return c == '\0'; })) {
    return FileKind{"zeros where its content should begin: it was not fetched to its end", "copy or download it again",
                    true, false};
  }
  if (auto kind = KindByName(path)) return kind;
  return TextKind(text);
}

std::optional<FileKind> RecognizeFile(const std::filesystem::path& path) {
  const auto file = MappedFile::Open(path);
  return file.ok() ? RecognizeFile((*file)->bytes(), path) : std::nullopt;
}

Error WrongFile(std::string where, Bytes bytes, std::string_view wanted, std::string advice, std::string otherwise) {
  const auto kind = RecognizeFile(bytes, where);
  if (!kind) {
    if (otherwise.empty()) otherwise = fmt::format("is not {}", wanted);
    return InputError(std::move(where), std::move(otherwise), std::move(advice));
  }
  std::string what = "is " + kind->name;
  if (!kind->stands_for_other) what += fmt::format(", not {}", wanted);
  if (!kind->remedy.empty()) advice = kind->remedy;
  return InputError(std::move(where), std::move(what), std::move(advice));
}

}  // namespace vlaq
