// Writes a recording: an MCAP file of uncompressed chunks with checksums, indexes and a summary. It is written in
// place: what was flushed is in the file whatever becomes of this program, and a file that was never closed is read by
// a scan from its beginning (reader.h, and any other reader of MCAP). Nothing is written by itself after some time:
// whoever records calls Flush() as often as a loss may be long. After an error of the disk the file holds all up to the
// last whole chunk, and every further call gives that error. Not in scope: compression; what messages mean. Not
// thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/output.h"
#include "base/status.h"
#include "mcap/records.h"

namespace vlaq::mcap {

struct WriterOptions {
  std::string profile;  // such as "ros2"; may be empty
  std::string library = "vlaq";
  uint64_t chunk_bytes = uint64_t{1} << 20U;  // a chunk is written when its records reach this
  Existing existing = Existing::kRefuse;      // kReplace: what the file held is lost at once
};

class Writer {
 public:
  // The file has its beginning when this returns. Errors: kUsage if it exists and may not be replaced; kInput with the
  // system's reason.
  static Result<Writer> Create(const std::filesystem::path& path, const WriterOptions& options = {});

  // Closes the file if that was not done; errors are then unheard.
  ~Writer();
  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;

  // The id of the new schema or channel, from 1. They are in the file at once, outside of chunks: a chunk that is lost
  // takes none with it. `data` is the definition in the language that `encoding` names. Errors: kUsage beyond 65,535 of
  // them, for a schema that was not added, and for a text of 4 GiB; kInput as Write().
  Result<uint16_t> AddSchema(std::string name, std::string encoding, std::string data);
  // `schema_id` 0: none.
  Result<uint16_t> AddChannel(std::string topic, uint16_t schema_id, std::string message_encoding, Texts metadata = {});

  // Errors: kUsage for a channel that was not added; kInput with the system's reason (disk full).
  Status Write(const Message& message);
  // In the file at once, after all messages so far.
  Status AddMetadata(const std::string& name, const Texts& texts);
  Status AddAttachment(const Attachment& attachment);

  // The messages so far into the file: they survive the end of this program, however it comes.
  Status Flush();
  // The same, onto the disk: they survive a loss of power. Takes milliseconds, or much longer.
  Status Sync();
  // The summary, and the end. Further calls do nothing; other calls afterwards are errors (kInternal).
  Status Close();

  uint64_t bytes() const;  // of the file so far, without what is not flushed
  const Statistics& statistics() const;

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace vlaq::mcap
