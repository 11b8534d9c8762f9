#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "base/json.h"
#include "checkpoint/builder.h"
#include "checkpoint/messages.h"
#include "checkpoint/pickle_settings.h"
#include "checkpoint/safetensors_header.h"
#include "checkpoint/strict_sax.h"
#include "checkpoint/torch_tensors.h"

namespace vlaq::checkpoint {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // the format's own limit

struct TypeName {
  std::string_view name;
  DType dtype;
};
constexpr std::array kTypes{
    TypeName{"BOOL", DType::kBool},
    TypeName{"U8", DType::kU8},
    TypeName{"I8", DType::kI8},
    TypeName{"U16", DType::kU16},
    TypeName{"I16", DType::kI16},
    TypeName{"U32", DType::kU32},
    TypeName{"I32", DType::kI32},
    TypeName{"U64", DType::kU64},
    TypeName{"I64", DType::kI64},
    TypeName{"F16", DType::kF16},
    TypeName{"BF16", DType::kBF16},
    TypeName{"F32", DType::kF32},
    TypeName{"F64", DType::kF64},
    TypeName{"C64", DType::kC64},
    TypeName{"F8_E4M3", DType::kF8E4M3FN},
    TypeName{"F8_E5M2", DType::kF8E5M2},
    TypeName{"F8_E8M0", DType::kF8E8M0FNU},
    TypeName{"F8_E4M3FNUZ", DType::kF8E4M3FNUZ},
    TypeName{"F6_E2M3", DType::kF6E2M3FN},
    TypeName{"F8_E5M2FNUZ", DType::kF8E5M2FNUZ},
    TypeName{"F6_E3M2", DType::kF6E3M2FN},
    TypeName{"F4", DType::kF4E2M1FN},
};

// {"name": {"dtype": text, "shape": [numbers], "data_offsets": [begin, end]}, "__metadata__": {text: text}}
class HeaderSax final : public StrictSax {
 public:
  explicit HeaderSax(SafetensorsHeader& header) : header_(header) {}

  bool start_object(size_t /*elements*/) override {
    if (level_ == Level::kOutside) return Enter(Level::kTop);
    if (level_ != Level::kTop) return Fail("unexpected object");
    return Enter(in_metadata_ ? Level::kMetadata : Level::kTensor);
  }

  bool end_object() override {
    if (level_ == Level::kTop) return Enter(Level::kDone);
    if (level_ == Level::kTensor && !FinishTensor()) return false;
    return Enter(Level::kTop);
  }

  bool key(std::string& name) override {
    if (level_ == Level::kTop) {
      in_metadata_ = name == "__metadata__";
      if (in_metadata_) return !std::exchange(has_metadata_, true) || Fail("\"__metadata__\" occurs twice");
      tensor_ = {};
      tensor_.name = name;
      seen_ = {};
      return true;
    }
    if (level_ == Level::kMetadata) {
      header_.metadata.emplace_back(name, "");
      return true;
    }
    constexpr std::array<std::string_view, 3> kFields = {"dtype", "shape", "data_offsets"};
    field_ = static_cast<size_t>(std::find(kFields.begin(), kFields.end(), name) - kFields.begin());
    if (field_ == kFields.size()) return Fail(fmt::format("unknown key {}", Quoted(name)));
    return !std::exchange(seen_[field_], true) || Fail(fmt::format("{} occurs twice", Quoted(name)));
  }

  bool string(std::string& value) override {
    if (level_ == Level::kMetadata) {
      header_.metadata.back().second = value;
      return true;
    }
    if (level_ != Level::kTensor || field_ != 0) return Fail("unexpected text");
    const auto* row = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeName& t) { return t.name == value; });
    if (row == kTypes.end()) return Fail(fmt::format("the dtype {} is unknown", Quoted(value)));
    tensor_.dtype = row->dtype;
    return true;
  }

  bool start_array(size_t /*elements*/) override {
    if (level_ != Level::kTensor || field_ == 0) return Fail("unexpected array");
    numbers_.clear();
    return Enter(Level::kNumbers);
  }

  bool number_unsigned(uint64_t value) override {
    if (level_ != Level::kNumbers) return Fail("unexpected number");
    if (numbers_.size() == kMaxRank) return Fail(fmt::format("more than {} numbers in an array", kMaxRank));
    if (value > INT64_MAX) return Fail(fmt::format("the number {} is too large", value));
    numbers_.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool end_array() override {
    if (field_ == 1) {
      tensor_.shape = numbers_;
      return Enter(Level::kTensor);
    }
    if (numbers_.size() != 2) return Fail("\"data_offsets\" must be two numbers");
    tensor_.begin = static_cast<uint64_t>(numbers_[0]);
    tensor_.end = static_cast<uint64_t>(numbers_[1]);
    return Enter(Level::kTensor);
  }

 protected:
  std::string Place() const override {
    if (level_ == Level::kTensor || level_ == Level::kNumbers) return "tensor " + Quoted(tensor_.name);
    return "header";
  }

 private:
  enum class Level { kOutside, kTop, kMetadata, kTensor, kNumbers, kDone };

  bool Enter(Level level) {
    level_ = level;
    return true;
  }

  bool FinishTensor() {
    if (!seen_[0] || !seen_[1] || !seen_[2]) return Fail("lacks one of \"dtype\", \"shape\", \"data_offsets\"");
    const auto bytes = ByteCount(tensor_.dtype, tensor_.shape);
    if (!bytes) {
      return Fail(fmt::format("the size of {} {} overflows or is no whole number of bytes", DTypeName(tensor_.dtype),
                              ShapeText(tensor_.shape)));
    }
    if (tensor_.begin > tensor_.end || tensor_.end - tensor_.begin != *bytes) {
      return Fail(fmt::format("{} {} needs {} bytes, its data_offsets are [{}, {}]", DTypeName(tensor_.dtype),
                              ShapeText(tensor_.shape), *bytes, tensor_.begin, tensor_.end));
    }
    header_.tensors.push_back(std::move(tensor_));
    return true;
  }

  SafetensorsHeader& header_;
  Level level_ = Level::kOutside;
  bool in_metadata_ = false;
  bool has_metadata_ = false;
  SafetensorsTensor tensor_;
  size_t field_ = 0;
  std::array<bool, 3> seen_{};
  Shape numbers_;
};

// Sorted by offset the tensors must follow each other without gap or overlap up to the end of the file.
Status CheckTiling(const SafetensorsHeader& header, uint64_t buffer, const std::string& where) {
  std::vector<const SafetensorsTensor*> order;
  order.reserve(header.tensors.size());
  for (const auto& tensor : header.tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const auto* a, const auto* b) { return std::pair(a->begin, a->end) < std::pair(b->begin, b->end); });
  uint64_t at = 0;
  for (const auto* tensor : order) {
    if (tensor->begin != at) {
      return InputError(fmt::format("{}: tensor {}", where, Quoted(tensor->name)),
                        fmt::format("its data begin at byte {} of the buffer, the data before end at {}: {}",
                                    tensor->begin, at, tensor->begin < at ? "they overlap" : "there is a gap"));
    }
    at = tensor->end;
  }
  if (at == buffer) return {};
  return InputError(AtByte(where, header.data_offset),
                    fmt::format("the data buffer has {} bytes, the header describes {}", buffer, at),
                    "the file is incomplete or has something appended: fetch it again");
}

}  // namespace

std::string_view SafetensorsName(DType dtype) {
  const auto* row =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeName& type) { return type.dtype == dtype; });
  return row == kTypes.end() ? std::string_view() : row->name;
}

Result<SafetensorsHeader> ReadSafetensorsHeader(Bytes file, const std::string& where) {
  if (file.size() < 8) return InputError(AtByte(where, 0), "too short for a safetensors header");
  const auto length = LoadLittle<uint64_t>(file);
  if (length > kMaxHeader || length > file.size() - 8) {
    return InputError(AtByte(where, 0),
                      fmt::format("a header of {} bytes in a file of {} (limit {})", length, file.size(), kMaxHeader));
  }
  const std::string_view text = AsText(file.subspan(8, length));
  if (!text.starts_with('{')) return InputError(AtByte(where, 8), "the header does not begin with '{'");
  if (text.substr(0, text.find_last_not_of(' ') + 1).back() != '}') {
    return InputError(AtByte(where, 8 + text.size()), "the header does not end with '}' and spaces");
  }
  SafetensorsHeader header;
  header.data_offset = 8 + length;
  HeaderSax sax(header);
  VLAQ_RETURN_IF_ERROR(sax.Parse(text, where));
  VLAQ_RETURN_IF_ERROR(CheckTiling(header, file.size() - header.data_offset, where));
  return header;
}

void AddSafetensors(SafetensorsHeader header, size_t file, CheckpointBuilder& builder) {
  for (SafetensorsTensor& tensor : header.tensors) {
    const size_t storage = builder.storages().size();
    builder.storages().push_back({tensor.name, file, header.data_offset + tensor.begin, tensor.end - tensor.begin});
    Shape strides = RowMajorStrides(tensor.shape);
    builder.entries().push_back(
        {std::move(tensor.name), tensor.dtype, std::move(tensor.shape), std::move(strides), storage, 0, true});
  }
  if (!builder.extras().empty()) return;  // all shards of a model carry the same metadata
  Json stated = Json::object();
  size_t left = 1'000'000;  // bytes of text that are looked at
  for (auto& [key, text] : header.metadata) {
    builder.extras().push_back({"metadata." + key, Printable(text, 600)});
    if (text.size() > left) continue;
    left -= text.size();
    Json setting = SettingOfText(text);
    if (!setting.is_null()) stated[key] = std::move(setting);
  }
  builder.settings() = stated.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status ReadSafetensors(CheckpointBuilder& builder) {
  builder.set_format(Format::kSafetensors);
  VLAQ_ASSIGN_OR_RETURN(SafetensorsHeader header, ReadSafetensorsHeader(builder.files()[0]->bytes(), builder.where()));
  AddSafetensors(std::move(header), 0, builder);
  return {};
}

}  // namespace vlaq::checkpoint
