#include "mcap/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/file_kind.h"
#include "base/text.h"
#include "mcap/decode.h"
#include "mcap/record_walk.h"
#include "mcap/summary.h"

namespace vlaq::mcap {
namespace {

constexpr size_t kMostTopics = 20;  // that an error lists

Error NoSuchTopic(const std::string& topic, const Info& info) {
  std::set<std::string> topics;
  for (const auto& [id, channel] : info.channels) topics.insert(channel.topic);
  std::string list;
  for (const std::string& each : topics) {
    if (topics.size() <= kMostTopics) list += (list.empty() ? "it has " : ", ") + Printable(each, 80);
  }
  return UsageError(fmt::format("the recording has no topic '{}'", topic), std::move(list));
}

// The header at the beginning; empty where there is none that can be read.
Header FirstHeader(Bytes file) {
  const auto record = RecordWalk(file, kMagic.size(), file.size()).Next();
  if (!record || record->cut_off || !record->Is(Opcode::kHeader)) return {};
  auto header = ParseHeader(record->content);
  return header.ok() ? std::move(*header) : Header{};
}

// A message by its log time and by where it lies.
struct Place {
  uint64_t log_time;
  uint64_t offset;  // of its data
};

}  // namespace

Result<Reader> Reader::Open(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(auto mapped, MappedFile::Open(path));
  const Bytes bytes = mapped->bytes();
  Reader reader(std::move(mapped), bytes, path.string());
  VLAQ_RETURN_IF_ERROR(reader.Look());
  return reader;
}

Result<Reader> Reader::Open(Bytes file, std::string name) {
  Reader reader(nullptr, file, std::move(name));
  VLAQ_RETURN_IF_ERROR(reader.Look());
  return reader;
}

Status Reader::Look() {
  if (!AsText(file_).starts_with(kMagic)) {
    return WrongFile(name_, file_, "an MCAP recording", "", "does not begin as MCAP files do");
  }
  auto summary = ReadSummary(file_);
  // Writers may leave channels out of the summary: then it does not say enough.
  if (summary.ok() && *summary && (*summary)->statistics &&
      (*summary)->statistics->channels <= (*summary)->channels.size()) {
    Summary& s = **summary;
    s.compressions.erase("");
    info_ = {FirstHeader(file_),
             std::move(s.schemas),
             std::move(s.channels),
             std::move(*s.statistics),
             std::move(s.compressions),
             true,
             {}};
    return {};
  }
  VLAQ_ASSIGN_OR_RETURN(Scanned scanned, Scan(file_, name_));
  info_ = {std::move(scanned.header),     std::move(scanned.schemas), std::move(scanned.channels),
           std::move(scanned.statistics), std::move(scanned.packed),  false,
           std::move(scanned.damage)};
  if (!summary.ok()) info_.damage.push_back(Within(name_, summary.error()));
  return {};
}

Result<std::vector<Error>> Reader::Read(const Selection& selection, const OnMessage& visit) const {
  for (const std::string& topic : selection.topics) {
    const bool known = std::any_of(info_.channels.begin(), info_.channels.end(),
                                   [&](const auto& row) { return row.second.topic == topic; });
    if (!known) return NoSuchTopic(topic, info_);
  }
  const auto is_wanted = [&](const Channel& channel) {
    return selection.topics.empty() ||
           std::find(selection.topics.begin(), selection.topics.end(), channel.topic) != selection.topics.end();
  };
  if (selection.order == Order::kFile) {
    VLAQ_ASSIGN_OR_RETURN(Scanned scanned, Scan(file_, name_, [&](const Channel& channel, const Message& message) {
                            return is_wanted(channel) ? visit(channel, message) : Status();
                          }));
    return std::move(scanned.damage);
  }
  std::vector<Place> places;
  VLAQ_ASSIGN_OR_RETURN(Scanned scanned, Scan(file_, name_, [&](const Channel& channel, const Message& message) {
                          const auto offset = static_cast<uint64_t>(message.data.data() - file_.data());
                          if (is_wanted(channel)) places.push_back({message.log_time, offset});
                          return Status();
                        }));
  std::stable_sort(places.begin(), places.end(),
                   [](const Place& a, const Place& b) { return a.log_time < b.log_time; });
  for (const Place& place : places) {
    // The scan has been there: the fields before the data, and the length before those.
    constexpr uint64_t kFields = 2 + 4 + 8 + 8;
    const uint64_t content = place.offset - kFields;
    const auto length = LoadLittle<uint64_t>(file_, content - sizeof(uint64_t));
    VLAQ_ASSIGN_OR_RETURN(const Message message, ParseMessage(file_.subspan(content, length)));
    VLAQ_RETURN_IF_ERROR(visit(scanned.channels.at(message.channel), message));
  }
  return std::move(scanned.damage);
}

}  // namespace vlaq::mcap
