// PyTorch's zip container: <top>/data.pkl says which tensors there are, <top>/data/<key> are their storages.
#include <fmt/format.h>

#include <map>

#include "base/file_kind.h"
#include "base/json.h"
#include "checkpoint/builder.h"
#include "checkpoint/messages.h"
#include "checkpoint/pickle_reader.h"
#include "checkpoint/pickle_settings.h"
#include "checkpoint/pickle_text.h"
#include "checkpoint/state_dict.h"
#include "checkpoint/zip_reader.h"
#include "tensor/convert.h"

namespace vlaq::checkpoint {
namespace {

// Local headers lie all over the file, and the kernel maps the pages around each: given back after so many.
constexpr size_t kHeadersBeforeRelease = 64;

class PthReader {
 public:
  PthReader(const OpenOptions& options, CheckpointBuilder& builder)
      : options_(options), builder_(builder), file_(*builder.files()[0]), where_(builder.where()) {}

  Status Read();

 private:
  Status FindTop(const ZipReader& zip);
  Error NotATorchZip(const std::string& record, std::string what) const;
  Status CheckByteOrder(const ZipReader& zip) const;
  Result<size_t> StorageIndex(const ZipReader& zip, const TorchTensor& tensor, const std::string& where);
  Status AddEntry(const ZipReader& zip, NamedTensor named);
  std::string ScalarText(const ZipReader& zip, const TorchTensor& tensor) const;

  const OpenOptions& options_;
  CheckpointBuilder& builder_;
  const MappedFile& file_;
  std::string where_;
  std::string top_;  // with its slash
  std::map<std::string, size_t, std::less<>> storage_by_key_;
};

// Says what another kind of zip is, else which record is wrong.
Error PthReader::NotATorchZip(const std::string& record, std::string what) const {
  const auto kind = RecognizeFile(file_.bytes());
  if (kind && kind->name != kPyTorchKind) return WrongFile(where_, file_.bytes(), "a checkpoint", "");
  return InputError(fmt::format("{}: record {}", where_, Quoted(record)), std::move(what));
}

Status PthReader::FindTop(const ZipReader& zip) {
  if (zip.records().empty()) return InputError(AtByte(where_, 0), "the zip is empty");
  const std::string_view first = zip.records()[0].name;
  top_ = first.substr(0, first.find('/') == first.npos ? 0 : first.find('/') + 1);
  for (const ZipRecord& record : zip.records()) {
    if (record.name.starts_with(top_)) continue;
    return NotATorchZip(std::string(record.name),
                        fmt::format("lies outside the folder {} of the first record", Quoted(top_)));
  }
  if (zip.Find(top_ + "constants.pkl") != nullptr) {
    return InputError(fmt::format("{}: record {}", where_, Quoted(top_ + "constants.pkl")),
                      "a TorchScript archive, which holds code and not only weights",
                      "save the weights: torch.save(torch.jit.load(path).state_dict(), 'weights.pth')");
  }
  if (zip.Find(top_ + "data.pkl") == nullptr) {
    return NotATorchZip(top_ + "data.pkl", "missing: a zip, but not one that torch.save() wrote");
  }
  return {};
}

Status PthReader::CheckByteOrder(const ZipReader& zip) const {
  const ZipRecord* record = zip.Find(top_ + "byteorder");
  if (record == nullptr) return {};  // before PyTorch 2.1: little
  VLAQ_ASSIGN_OR_RETURN(const Bytes text, zip.Data(*record));
  if (AsText(text) == "little") return {};
  return InputError(fmt::format("{}: record {}", where_, Quoted(record->name)),
                    fmt::format("byte order {} is not supported", Quoted(AsText(text))),
                    "save the file again on a little-endian machine");
}

Result<size_t> PthReader::StorageIndex(const ZipReader& zip, const TorchTensor& tensor, const std::string& where) {
  const std::string name = fmt::format("{}data/{}", top_, tensor.storage_key);
  const ZipRecord* record = zip.Find(name);
  if (record == nullptr) return InputError(where, fmt::format("its storage {} is missing", Quoted(name)));
  if (record->size != tensor.storage_bytes) {
    return InputError(where, fmt::format("its storage {} has {} bytes, the pickle says {}", Quoted(name), record->size,
                                         tensor.storage_bytes));
  }
  const auto known = storage_by_key_.find(tensor.storage_key);
  if (known != storage_by_key_.end()) return known->second;
  VLAQ_ASSIGN_OR_RETURN(const uint64_t offset, zip.DataOffset(*record));
  if (options_.check_crc) VLAQ_RETURN_IF_ERROR(zip.CheckCrc(*record));
  const size_t index = builder_.storages().size();
  builder_.storages().push_back({name, 0, offset, record->size});
  storage_by_key_.emplace(tensor.storage_key, index);
  if (options_.check_crc || index % kHeadersBeforeRelease == 0) file_.Release(file_.bytes());
  return index;
}

Status PthReader::AddEntry(const ZipReader& zip, NamedTensor named) {
  const std::string where = fmt::format("{}: tensor {}", where_, Quoted(named.name));
  TorchTensor& tensor = named.tensor;
  VLAQ_ASSIGN_OR_RETURN(const size_t storage, StorageIndex(zip, tensor, where));
  Entry entry{std::move(named.name), tensor.dtype, std::move(tensor.shape), std::move(tensor.strides), storage,
              tensor.offset,         true};
  entry.contiguous = IsContiguous(entry.shape, entry.strides);
  if (entry.bytes() > file_.bytes().size()) {  // strides of zero can show one element many times
    return InputError(
        where, fmt::format("shape {} needs {} bytes, more than the whole file", ShapeText(entry.shape), entry.bytes()));
  }
  builder_.entries().push_back(std::move(entry));
  return {};
}

std::string PthReader::ScalarText(const ZipReader& zip, const TorchTensor& tensor) const {
  const ZipRecord* record = zip.Find(fmt::format("{}data/{}", top_, tensor.storage_key));
  if (record == nullptr || record->size != tensor.storage_bytes) return "";
  const auto data = zip.Data(*record);
  if (!data.ok()) return "";
  const size_t item = DTypeBits(tensor.dtype) / 8;
  const Bytes element = data->subspan(static_cast<size_t>(tensor.offset) * item, item);
  double number = 0;
  if (!IsConvertible(tensor.dtype, DType::kF64)) return "";
  Convert(tensor.dtype, element, DType::kF64, std::as_writable_bytes(std::span(&number, 1)));
  // A float32 has no more digits than these; as a double it would show sixteen.
  return tensor.dtype == DType::kF64 ? fmt::format("{}", number) : fmt::format("{}", static_cast<float>(number));
}

Status PthReader::Read() {
  builder_.set_format(Format::kPytorchZip);
  VLAQ_ASSIGN_OR_RETURN(const ZipReader zip, ZipReader::Open(file_.bytes(), where_));
  VLAQ_RETURN_IF_ERROR(FindTop(zip));
  VLAQ_RETURN_IF_ERROR(zip.RequireStored());
  VLAQ_RETURN_IF_ERROR(CheckByteOrder(zip));
  const ZipRecord& record = *zip.Find(top_ + "data.pkl");
  if (options_.check_crc) VLAQ_RETURN_IF_ERROR(zip.CheckCrc(record));
  VLAQ_ASSIGN_OR_RETURN(const Bytes pickle, zip.Data(record));
  VLAQ_ASSIGN_OR_RETURN(const PickleDocument document, ReadPickle(pickle, where_ + ": data.pkl"));
  VLAQ_ASSIGN_OR_RETURN(StateDict state, FindStateDict(document, where_, options_.state_dict));
  builder_.container() = state.container;
  builder_.other_state_dicts() = std::move(state.alternatives);
  builder_.entries().reserve(state.tensors.size());
  for (NamedTensor& named : state.tensors) VLAQ_RETURN_IF_ERROR(AddEntry(zip, std::move(named)));
  PickleDescriber describer(document, [&](const TorchTensor& tensor) { return ScalarText(zip, tensor); });
  PickleSettings settings(document);
  Json stated = Json::object();
  for (auto& [name, value] : state.others) {
    std::string text = describer.Describe(value);
    Json setting = IsUtf8(name) ? settings.Of(value) : Json(nullptr);
    if (!setting.is_null()) stated[name] = std::move(setting);
    builder_.extras().push_back({std::move(name), std::move(text)});
  }
  builder_.settings() = stated.dump(-1, ' ', false, Json::error_handler_t::replace);
  file_.Release(file_.bytes());
  return {};
}

}  // namespace

Status ReadPth(const OpenOptions& options, CheckpointBuilder& builder) { return PthReader(options, builder).Read(); }

}  // namespace vlaq::checkpoint
