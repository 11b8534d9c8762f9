#include "bundle/hashed_file.h"

namespace vlaq::bundle {

Result<HashedFile> HashedFile::Create(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(path, Existing::kRefuse));
  return HashedFile(path, std::move(file));
}

Status HashedFile::Write(Bytes bytes) {
  hash_->Update(bytes);
  return file_.Write(bytes);
}

Status HashedFile::WriteShared(const MappedFile& file, Bytes range) {
  hash_->Update(range);
  return file_.WriteShared(file, range);
}

Status HashedFile::PadTo(uint64_t offset) {
  const std::vector<std::byte> zeros(offset - file_.offset());
  return zeros.empty() ? Status() : Write(zeros);
}

Result<FileRecord> HashedFile::Commit() {
  VLAQ_RETURN_IF_ERROR(file_.Commit());
  return FileRecord{path_.filename().string(), file_.offset(), hash_->FinishHex()};
}

}  // namespace vlaq::bundle
