#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "base/json.h"
#include "base/text.h"
#include "cli/inspect_text.h"

namespace vlaq::cli {
namespace {

// "2026-11-30 04:08:00 UTC"; times are not bound to begin in 1970, but mostly do.
std::string Moment(uint64_t ns) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(ns / 1'000'000'000)));
}

std::string TopicTable(const Json& topics) {
  TextTable table({"topic", "type", "encoding", "messages", "a second"});
  for (const Json& row : topics) {
    const std::string rate = row["rate_hz"].is_null() ? "-" : ThreeDigits(row["rate_hz"].get<double>());
    table.AddRow({JsonText(row["topic"]), JsonText(row["type"]), JsonText(row["message_encoding"]),
                  JsonCount(row["messages"]), rate});
  }
  return topics.empty() ? "" : Section("Topics", table);
}

}  // namespace

std::string RecordingText(const Json& d) {
  const std::string profile = JsonText(d["profile"]);
  const std::string library = JsonText(d["library"]);
  std::string text =
      fmt::format("{}: MCAP recording{}{}, {}\n", JsonText(d["path"]), profile.empty() ? "" : " of profile " + profile,
                  library.empty() ? "" : ", written by " + library, HumanBytes(d["bytes"]));
  text +=
      fmt::format("{} in {:.3f} s", Counted(d["messages"].get<uint64_t>(), "message"), d["duration_s"].get<double>());
  if (d["messages"] != 0) text += " from " + Moment(d["start_ns"]);
  text += fmt::format("; {}, {}, {} of metadata\n", Counted(d["chunks"].get<uint64_t>(), "chunk"),
                      Counted(d["attachments"].get<uint64_t>(), "attachment"),
                      Counted(d["metadata"].get<uint64_t>(), "record"));
  text += d["from_summary"] == true ? "as its summary says\n" : "as its records say: it has no summary that counts\n";
  for (const auto& [name, chunks] : d["compressed_chunks"].items()) {
    text += fmt::format("{} compressed with {}, which vlaq does not look into\n",
                        Counted(chunks.get<uint64_t>(), "chunk"), Printable(name));
  }
  text += TopicTable(d["topics"]);
  if (!d["damage"].empty()) text += "\nDamage\n";
  for (const Json& error : d["damage"]) text += fmt::format("  {}\n", JsonText(error));
  return text + FilesText(d);
}

}  // namespace vlaq::cli
