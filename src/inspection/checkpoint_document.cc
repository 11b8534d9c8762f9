#include <fmt/format.h>

#include <map>
#include <set>
#include <tuple>

#include "base/json.h"
#include "bundle/bundle.h"
#include "families/family.h"
#include "inspection/documents.h"

namespace vlaq::inspection {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Entry;

// Where an entry's values lie; equal for tied tensors.
using Place = std::tuple<size_t, int64_t, Shape, Shape>;
Place PlaceOf(const Entry& entry) { return {entry.storage, entry.offset, entry.shape, entry.strides}; }

void AddTotals(const Checkpoint& checkpoint, Json& document) {
  int64_t parameters = 0;
  int64_t distinct_parameters = 0;
  uint64_t bytes = 0;
  std::map<std::string, std::pair<int64_t, uint64_t>> dtypes;  // tensors, bytes
  std::set<Place> seen;
  for (const Entry& entry : checkpoint.entries()) {
    parameters += entry.size();
    bytes += entry.bytes();
    if (seen.insert(PlaceOf(entry)).second) distinct_parameters += entry.size();
    auto& row = dtypes[std::string(DTypeName(entry.dtype))];
    ++row.first;
    row.second += entry.bytes();
  }
  document["tensors"] = checkpoint.entries().size();
  document["parameters"] = parameters;
  document["distinct_parameters"] = distinct_parameters;
  document["bytes"] = bytes;
  Json list = Json::array();
  for (const auto& [name, row] : dtypes)
    list.push_back({{"dtype", name}, {"tensors", row.first}, {"bytes", row.second}});
  document["dtypes"] = std::move(list);
}

// Storages that several tensors are views of.
Json SharedStorages(const Checkpoint& checkpoint) {
  std::map<size_t, std::vector<const Entry*>> users;
  for (const Entry& entry : checkpoint.entries()) users[entry.storage].push_back(&entry);
  Json list = Json::array();
  for (const auto& [storage, entries] : users) {
    if (entries.size() < 2) continue;
    std::set<Place> places;
    Json names = Json::array();
    for (const Entry* entry : entries) {
      names.push_back(entry->name);
      places.insert(PlaceOf(*entry));
    }
    list.push_back({{"storage", checkpoint.storages()[storage].key},
                    {"bytes", checkpoint.storages()[storage].bytes},
                    {"kind", places.size() == 1 ? "tied" : "views"},
                    {"tensors", std::move(names)}});
  }
  return list;
}

// What the family says, or why none knows the file. Never an error: an unknown checkpoint is described, too.
void AddFamily(const Checkpoint& checkpoint, Log& log, Json& document) {
  std::string reason;
  for (const families::Family* family : families::All()) {
    auto found = family->Recognize(checkpoint);
    if (!found.ok()) {
      reason = found.error().ToString();
      log.Warning(fmt::format("looks like {}, but: {}", family->name(), reason));
      continue;
    }
    if (!found->summary) {
      reason = fmt::format("not {}: {}", family->name(), found->reason);
      continue;
    }
    const families::Summary& summary = *found->summary;
    document["architecture"] = summary.family;
    Json parts = Json::array();
    for (const families::Part& part : summary.parts) {
      parts.push_back(
          {{"name", part.name}, {"tensors", part.tensors}, {"parameters", part.parameters}, {"bytes", part.bytes}});
    }
    document["parts"] = std::move(parts);
    document.update(Json::parse(summary.json));
    Json facts = Json::array();
    for (const auto& [name, text] : summary.facts) facts.push_back({{"name", name}, {"text", text}});
    document["facts"] = std::move(facts);
    document["unknown_tensors"] = summary.unknown;
    return;
  }
  document["architecture"] = "unknown";
  document["reason"] = reason;
}

// For unknown files: tensors grouped by the first component of their names.
Json GroupsByPrefix(const Checkpoint& checkpoint) {
  std::map<std::string, std::tuple<int64_t, int64_t, uint64_t>> groups;
  for (const Entry& entry : checkpoint.entries()) {
    auto& [tensors, parameters, bytes] = groups[entry.name.substr(0, entry.name.find('.'))];
    ++tensors;
    parameters += entry.size();
    bytes += entry.bytes();
  }
  Json parts = Json::array();
  for (const auto& [name, group] : groups) {
    const auto& [tensors, parameters, bytes] = group;
    parts.push_back({{"name", name}, {"tensors", tensors}, {"parameters", parameters}, {"bytes", bytes}});
  }
  return parts;
}

Result<Json> Files(const Checkpoint& checkpoint, bool hash) {
  Json list = Json::array();
  for (const auto& file : checkpoint.files()) {
    Json row{{"file", file->path().filename().string()}, {"bytes", file->bytes().size()}};
    if (hash) {
      VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord record, bundle::Describe(file->path()));
      row["sha256"] = record.sha256;
    }
    list.push_back(std::move(row));
  }
  return list;
}

// Reads every tensor; tied ones once.
Json NonFiniteTensors(const Checkpoint& checkpoint, Log& log) {
  Json list = Json::array();
  std::set<Place> seen;
  for (const Entry& entry : checkpoint.entries()) {
    if (!seen.insert(PlaceOf(entry)).second) continue;
    const NonFinite found = FindNonFinite(entry.dtype, checkpoint.Read(entry).bytes());
    if (found.any()) list.push_back(NonFiniteRow(entry.name, found, entry.size(), log));
    if (entry.contiguous) checkpoint.FileOf(entry).Release(checkpoint.Raw(entry));
  }
  return list;
}

// What `vlaq verify --golden` and `vlaq run --frames` take, which looks like a checkpoint and is none.
bool IsGolden(const Checkpoint& checkpoint) {
  const checkpoint::Entry* actions = checkpoint.Find("actions");
  if (actions == nullptr || actions->shape.empty()) return false;
  // Frames as they were recorded, or pictures [T, 3, H, W] as graphs take them.
  return checkpoint.Find("frames.u8") != nullptr ||
         std::ranges::any_of(checkpoint.entries(), [&](const checkpoint::Entry& entry) {
           return entry.shape.size() == 4 && entry.shape[0] == actions->shape[0] && entry.shape[1] == 3;
         });
}

Json TensorList(const Checkpoint& checkpoint) {
  Json list = Json::array();
  for (const Entry& entry : checkpoint.entries()) {
    const checkpoint::Storage& storage = checkpoint.storages()[entry.storage];
    list.push_back(
        {{"name", entry.name},
         {"dtype", DTypeName(entry.dtype)},
         {"shape", entry.shape},
         {"bytes", entry.bytes()},
         {"contiguous", entry.contiguous},
         {"storage", storage.key},
         {"file_offset", storage.file_offset + static_cast<uint64_t>(entry.offset) * DTypeBits(entry.dtype) / 8}});
  }
  return list;
}

}  // namespace

Result<Json> InspectCheckpoint(const std::filesystem::path& path, const InspectOptions& options, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const auto checkpoint, Checkpoint::Open(path, {.state_dict = options.state_dict}));
  Json document = NewDocument("checkpoint", path);
  if (IsGolden(*checkpoint)) document["role"] = "golden data: vlaq verify BUNDLE --golden FILE";
  document["format"] = checkpoint::FormatName(checkpoint->format());
  document["container"] = checkpoint->container();
  Json described;  // keys that must come after the totals
  AddFamily(*checkpoint, log, described);
  document["architecture"] = described["architecture"];
  AddTotals(*checkpoint, document);
  document.update(described);
  if (!document.contains("parts")) document["parts"] = GroupsByPrefix(*checkpoint);
  document["shared"] = SharedStorages(*checkpoint);
  Json extras = Json::object();
  for (const checkpoint::Extra& extra : checkpoint->extras()) extras[extra.name] = extra.text;
  document["extras"] = std::move(extras);
  document["settings"] = Json::parse(checkpoint->settings());
  document["other_state_dicts"] = checkpoint->other_state_dicts();
  VLAQ_ASSIGN_OR_RETURN(document["files"], Files(*checkpoint, options.hash));
  if (options.hash) document["non_finite"] = NonFiniteTensors(*checkpoint, log);
  if (options.tensors) document["tensor_list"] = TensorList(*checkpoint);
  return document;
}

}  // namespace vlaq::inspection
