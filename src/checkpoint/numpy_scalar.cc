#include "checkpoint/numpy_scalar.h"

#include <fmt/format.h>

#include <array>

#include "base/bytes.h"
#include "tensor/convert.h"

namespace vlaq::checkpoint {
namespace {

template <typename T>
std::string FormatNumber(Bytes bytes) {
  return fmt::format("{}", LoadLittle<T>(bytes));
}
std::string FormatHalf(Bytes bytes) { return fmt::format("{}", HalfToFloat(LoadLittle<uint16_t>(bytes))); }
std::string FormatBool(Bytes bytes) { return LoadLittle<uint8_t>(bytes) != 0 ? "True" : "False"; }

struct Row {
  std::string_view code;  // NumPy's type string without the byte order
  size_t bytes;
  std::string (*format)(Bytes);
};
constexpr std::array kRows{
    Row{"f8", 8, FormatNumber<double>},   Row{"f4", 4, FormatNumber<float>},    Row{"f2", 2, FormatHalf},
    Row{"i8", 8, FormatNumber<int64_t>},  Row{"i4", 4, FormatNumber<int32_t>},  Row{"i2", 2, FormatNumber<int16_t>},
    Row{"i1", 1, FormatNumber<int8_t>},   Row{"u8", 8, FormatNumber<uint64_t>}, Row{"u4", 4, FormatNumber<uint32_t>},
    Row{"u2", 2, FormatNumber<uint16_t>}, Row{"u1", 1, FormatNumber<uint8_t>},  Row{"b1", 1, FormatBool},
};

struct NamedCall {
  std::string_view module;
  std::string_view name;
  std::span<const ValueId> args;
};

std::optional<NamedCall> AsCall(const PickleDocument& document, ValueId id) {
  const PickleValue& value = document[id];
  if (value.kind != PickleKind::kObject) return std::nullopt;
  return NamedCall{document.Module(value.callable), document.Name(value.callable), document.Children(value.args)};
}

// Bytes as protocol 3 and later write them, or as protocol 2 does: _codecs.encode(text, 'latin1').
std::optional<std::string> RawBytes(const PickleDocument& document, ValueId id) {
  if (document[id].kind == PickleKind::kBytes) return std::string(document.Text(id).substr(0, kRows[0].bytes + 1));
  const auto call = AsCall(document, id);
  if (!call || call->module != "_codecs" || call->name != "encode" || call->args.empty()) return std::nullopt;
  const std::string_view text = document.Text(call->args[0]);
  if (text.size() > 2 * kRows[0].bytes) return std::nullopt;
  std::string raw;
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80U) {  // U+0080 to U+00FF are two bytes in UTF-8
      if ((byte != 0xC2U && byte != 0xC3U) || i + 1 == text.size()) return std::nullopt;
      byte = static_cast<unsigned char>(((byte & 0x3U) << 6U) | (static_cast<unsigned char>(text[++i]) & 0x3FU));
    }
    raw.push_back(static_cast<char>(byte));
  }
  return raw;
}

}  // namespace

std::optional<std::string> NumpyScalarText(const PickleDocument& document, ValueId value) {
  const auto call = AsCall(document, value);
  const bool is_scalar = call && call->name == "scalar" && call->args.size() == 2 &&
                         (call->module == "numpy.core.multiarray" || call->module == "numpy._core.multiarray");
  if (!is_scalar) return std::nullopt;
  const auto dtype = AsCall(document, call->args[0]);
  if (!dtype || dtype->module != "numpy" || dtype->name != "dtype" || dtype->args.empty()) return std::nullopt;
  const ValueId state = document[call->args[0]].state;  // (version, byte order, ...)
  if (state != kNoValue && document.Children(state).size() > 1 && document.Text(document.Children(state)[1]) == ">") {
    return std::nullopt;
  }
  const auto raw = RawBytes(document, call->args[1]);
  const std::string_view code = document.Text(dtype->args[0]);
  for (const Row& row : kRows) {
    if (raw && row.code == code && raw->size() == row.bytes) return row.format(AsBytes(*raw));
  }
  return std::nullopt;
}

}  // namespace vlaq::checkpoint
