// For python_test.py: writes a recording by mcap::Writer, or lists one by mcap::Reader.
//   mcap_tool write FILE COUNT closed/left    left: ends without closing, as by a crash, after a flush
//   mcap_tool read FILE file/time              lines "m TOPIC SEQUENCE LOG_TIME PUBLISH_TIME SIZE CRC", "d DAMAGE", "e
//   ERROR"
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "mcap/checksum.h"
#include "mcap/reader.h"
#include "mcap/writer.h"

namespace vlaq::mcap {
namespace {

Status WriteMany(const std::string& path, uint32_t count, bool leave) {
  VLAQ_ASSIGN_OR_RETURN(Writer writer, Writer::Create(path, {.profile = "x", .library = "vlaq", .chunk_bytes = 3000}));
  VLAQ_ASSIGN_OR_RETURN(const uint16_t schema, writer.AddSchema("pkg/msg/Text", "ros2msg", "string data"));
  VLAQ_ASSIGN_OR_RETURN(const uint16_t typed, writer.AddChannel("/typed", schema, "cdr", {{"key", "value"}}));
  VLAQ_ASSIGN_OR_RETURN(const uint16_t bare, writer.AddChannel("/bare", 0, "json"));
  for (uint32_t i = 0; i < count; ++i) {
    const std::string data(i % 97, static_cast<char>('a' + i % 26));
    // Log times run backwards now and then.
    const Message message{i % 3 == 0 ? bare : typed, i, 1'000'000 + 10 * (i ^ 3U), 2 * i, AsBytes(data)};
    VLAQ_RETURN_IF_ERROR(writer.Write(message));
  }
  VLAQ_RETURN_IF_ERROR(writer.AddMetadata("about", {{"robot", "test"}, {"run", "1"}}));
  VLAQ_RETURN_IF_ERROR(writer.AddAttachment({7, 6, "note.txt", "text/plain", AsBytes("hello")}));
  VLAQ_RETURN_IF_ERROR(writer.Flush());
  if (leave) ::_exit(0);
  return writer.Close();
}

Status List(const std::string& path, bool by_time) {
  VLAQ_ASSIGN_OR_RETURN(const Reader reader, Reader::Open(path));
  const Statistics& statistics = reader.info().statistics;
  fmt::print("i {} {} {} {}\n", reader.info().from_summary ? 1 : 0, statistics.messages, statistics.start,
             statistics.end);
  VLAQ_ASSIGN_OR_RETURN(const std::vector<Error> damage,
                        reader.Read({.topics = {}, .order = by_time ? Order::kLogTime : Order::kFile},
                                    [](const Channel& channel, const Message& m) {
                                      fmt::print("m {} {} {} {} {} {}\n", channel.topic, m.sequence, m.log_time,
                                                 m.publish_time, m.data.size(), Checksum(m.data));
                                      return Status();
                                    }));
  for (const Error& error : damage) fmt::print("d {}\n", error.ToString());
  return {};
}

int Main(const std::vector<std::string>& arguments) {
  Status status = UsageError("write FILE COUNT closed|left, or read FILE file|time");
  if (arguments.size() == 4 && arguments[0] == "write") {
    status = WriteMany(arguments[1], static_cast<uint32_t>(std::stoul(arguments[2])), arguments[3] == "left");
  } else if (arguments.size() == 3 && arguments[0] == "read") {
    status = List(arguments[1], arguments[2] == "time");
  }
  if (status.ok()) return 0;
  fmt::print("e {}\n", status.error().ToString());
  return static_cast<int>(status.error().code);
}

}  // namespace
}  // namespace vlaq::mcap

int main(int argc, char** argv) { return vlaq::mcap::Main({argv + 1, argv + argc}); }
