#include "checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/file_kind.h"
#include "checkpoint/builder.h"
#include "checkpoint/folder.h"
#include "checkpoint/messages.h"
#include "tensor/layout.h"

namespace vlaq::checkpoint {
namespace {

constexpr std::string_view kZipStart = "PK\x03\x04";
constexpr std::string_view kZipEnd = "PK\x05\x06";  // an empty zip
// A pickled integer 0x1950a86a20f9469cfc6c after the protocol byte, and the same from protocol 0 and 1 writers.
constexpr std::string_view kLegacyMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

bool IsLegacyPytorch(std::string_view text) {
  return text.size() > 2 && text[0] == '\x80' && text.substr(2).starts_with(kLegacyMagic);
}

bool LooksLikeSafetensors(const MappedFile& file) {
  const Bytes bytes = file.bytes();
  if (file.path().extension() == ".safetensors") return true;
  return bytes.size() > 8 && bytes[8] == std::byte{'{'} && LoadLittle<uint64_t>(bytes) <= bytes.size() - 8;
}

Status ReadByContent(const MappedFile& file, const OpenOptions& options, CheckpointBuilder& builder) {
  const std::string_view text = AsText(file.bytes());
  const auto kind = RecognizeFile(file.bytes(), file.path());
  if (kind && kind->stands_for_other) return InputError(builder.where(), "is " + kind->name, kind->remedy);
  if (file.path().extension() == ".distcp") {
    return InputError(builder.where(), "is a piece of a torch.distributed checkpoint, which is a folder",
                      std::string(kJoinDistributed));
  }
  if (text.starts_with(kZipStart) || text.starts_with(kZipEnd)) return ReadPth(options, builder);
  if (file.path().extension() == ".json") return ReadShardedSafetensors(builder);
  if (IsLegacyPytorch(text)) {
    return InputError(AtByte(builder.where(), 0), "a PyTorch file in the stream format from before version 1.6",
                      "load it in PyTorch and save it again: torch.save(torch.load(path, weights_only=True), path)");
  }
  if (LooksLikeSafetensors(file)) {
    Status read = ReadSafetensors(builder);
    if (read.ok() || !kind || kind->name == kSafetensorsKind) return read;  // else only its name says safetensors
  }
  return WrongFile(builder.where(), file.bytes(), "a checkpoint",
                   "vlaq reads .pth, .pt, .safetensors and model.safetensors.index.json",
                   "byte 0: neither a PyTorch zip, nor safetensors, nor a safetensors index");
}

}  // namespace

std::string_view FormatName(Format format) {
  switch (format) {
    case Format::kPytorchZip:
      return "pth";
    case Format::kSafetensors:
      return "safetensors";
    case Format::kShardedSafetensors:
      return "safetensors-sharded";
  }
  return "";
}

CheckpointBuilder::CheckpointBuilder(std::filesystem::path path)
    : checkpoint(std::shared_ptr<Checkpoint>(new Checkpoint())) {
  checkpoint->path_ = std::move(path);
}

Result<std::shared_ptr<const Checkpoint>> CheckpointBuilder::Finish() {
  auto& by_name = checkpoint->by_name_;
  by_name.reserve(entries().size());
  for (size_t i = 0; i < entries().size(); ++i) by_name.emplace_back(entries()[i].name, i);
  std::sort(by_name.begin(), by_name.end());
  const auto twice = std::adjacent_find(by_name.begin(), by_name.end(),
                                        [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != by_name.end()) {
    return InputError(fmt::format("{}: tensor {}", where(), Quoted(twice->first)), "the name occurs twice");
  }
  return std::shared_ptr<const Checkpoint>(std::move(checkpoint));
}

Result<std::shared_ptr<const Checkpoint>> Checkpoint::Open(const std::filesystem::path& path,
                                                           const OpenOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    VLAQ_ASSIGN_OR_RETURN(const auto files, CandidatesIn(path));
    if (files.size() > 1) return SeveralIn(path, files);
    return Open(files.front(), options);
  }
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  CheckpointBuilder builder(path);
  builder.files().push_back(file);
  VLAQ_RETURN_IF_ERROR(ReadByContent(*file, options, builder));
  if (!options.state_dict.empty() && builder.checkpoint->container() != options.state_dict) {
    return UsageError(fmt::format("{} has no state dicts to choose from", path.string()), "leave the choice out");
  }
  return builder.Finish();
}

const Entry* Checkpoint::Find(std::string_view name) const {
  const auto it = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                   [](const auto& item, std::string_view wanted) { return item.first < wanted; });
  return it == by_name_.end() || it->first != name ? nullptr : &entries_[it->second];
}

Bytes Checkpoint::Raw(const Entry& entry) const {
  if (!entry.contiguous || entry.size() == 0) return {};
  const Storage& storage = storages_[entry.storage];
  const uint64_t item_bits = DTypeBits(entry.dtype);
  const uint64_t begin = storage.file_offset + static_cast<uint64_t>(entry.offset) * item_bits / 8;
  return files_[storage.file]->bytes().subspan(begin, entry.bytes());
}

Tensor Checkpoint::Read(const Entry& entry) const {
  const Storage& storage = storages_[entry.storage];
  const auto& file = files_[storage.file];
  if (entry.contiguous) return Tensor::View(entry.dtype, entry.shape, Raw(entry), file);
  Tensor packed = Tensor::Make(entry.dtype, entry.shape);
  Pack(file->bytes().subspan(storage.file_offset, storage.bytes), {entry.shape, entry.strides, entry.offset},
       DTypeBits(entry.dtype) / 8, packed.mutable_bytes());
  return packed;
}

}  // namespace vlaq::checkpoint
