// Reads a recording: any MCAP file whose chunks are not compressed, with or without indexes, whole, never closed or
// damaged. The file is mapped; what is given out lies in it. A file may be hostile: each length is held against it.
// Not in scope: compressed chunks, of which only the summary is read. Thread-safe once opened.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/mapped_file.h"
#include "base/status.h"
#include "mcap/scan.h"

namespace vlaq::mcap {

// What a file holds.
struct Info {
  Header header;
  std::map<uint16_t, Schema> schemas;
  std::map<uint16_t, Channel> channels;
  Statistics statistics;
  std::map<std::string, uint64_t> packed;  // chunks by the name of their compression, those without left out
  bool from_summary = false;               // else the file was read from its beginning
  std::vector<Error> damage;               // what was seen of it; with from_summary nobody has looked at the data
};

enum class Order { kFile, kLogTime };

struct Selection {
  std::vector<std::string> topics;  // empty: all
  Order order = Order::kFile;       // kLogTime: of equal times the first in the file is the first; 16 bytes a message
};

class Reader {
 public:
  // Reads the summary or, where there is none or it is damaged, all of the file. Errors: kInput if the file cannot be
  // read or is no MCAP file.
  static Result<Reader> Open(const std::filesystem::path& path);
  // The same of bytes that outlive the reader; `name` is for errors.
  static Result<Reader> Open(Bytes file, std::string name);

  const Info& info() const { return info_; }

  // All messages that are selected, up to what is damaged; then what was damaged (as Scanned's). Errors: kUsage for a
  // topic that the file has not; kInput for compressed chunks; those of `visit`, which end the reading.
  Result<std::vector<Error>> Read(const Selection& selection, const OnMessage& visit) const;

 private:
  Reader(std::shared_ptr<const MappedFile> mapped, Bytes file, std::string name)
      : mapped_(std::move(mapped)), file_(file), name_(std::move(name)) {}
  Status Look();

  std::shared_ptr<const MappedFile> mapped_;  // null for bytes of another
  Bytes file_;
  std::string name_;
  Info info_;
};

}  // namespace vlaq::mcap
