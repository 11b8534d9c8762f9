#include "report/older.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/json.h"

namespace vlaq::report {
namespace {

struct Renaming {
  std::string_view was, is;
};

constexpr std::array kAblations{
    Renaming{"normal", "none"},
    Renaming{"blank", "gray_image"},
    Renaming{"frozen", "frozen_image"},
    Renaming{"shuffled", "shuffled_images"},
    Renaming{"swapped", "swapped_instruction"},
    Renaming{"deaf", "no_instruction"},
    Renaming{"one-frame", "one_frame"},
};

void RenameKey(Json& object, Renaming name) {
  if (!object.is_object() || !object.contains(name.was)) return;
  Json renamed = Json::object();
  for (auto& [key, value] : object.items()) renamed[key == name.was ? std::string(name.is) : key] = std::move(value);
  object = std::move(renamed);
}

// Each element of a list that an object may have.
template <typename Change>
void ForEach(Json& object, std::string_view key, const Change& change) {
  if (!object.is_object() || !object.contains(key) || !object[std::string(key)].is_array()) return;
  for (Json& element : object[std::string(key)]) change(element);
}

void RenameAblation(Json& entry) {
  RenameKey(entry, {"condition", "ablation"});
  if (!entry.is_object() || !entry.contains("ablation")) return;
  const Json was = entry["ablation"];
  const auto name = AblationOfToday(was.is_string() ? was.get<std::string>() : "");
  if (name) entry["ablation"] = *name;
}

void RenameEvaluation(Json& document) {
  RenameKey(document, {"against", "reference"});
  for (const char* party : {"policy", "reference"}) {
    if (!document.contains(party)) continue;
    RenameKey(document[party], {"conditions", "ablations"});
    ForEach(document[party], "ablations", RenameAblation);
  }
  ForEach(document, "comparison", [](Json& entry) {
    RenameAblation(entry);
    RenameKey(entry, {"only_against", "only_reference"});
  });
}

void RenameReceipt(Json& document) {
  for (const char* list : {"checks", "untestable"}) {
    ForEach(document, list, [](Json& entry) { RenameKey(entry, {"rung", "stage"}); });
  }
}

struct Schema {
  std::string_view was, is;
  void (*rename)(Json& document);
};
constexpr std::array kSchemas{
    Schema{"vlaq.eval/1", "vlaq.eval/2", RenameEvaluation},
    Schema{"vlaq.verify/1", "vlaq.verify/2", RenameReceipt},
};

}  // namespace

std::optional<std::string_view> AblationOfToday(std::string_view was) {
  const auto found = std::ranges::find(kAblations, was, &Renaming::was);
  return found == kAblations.end() ? std::nullopt : std::optional(found->is);
}

Json InWordsOfToday(Json document) {
  for (const Schema& schema : kSchemas) {
    if (!document.is_object() || !document.contains("schema") || document["schema"] != schema.was) continue;
    document["schema"] = schema.is;
    schema.rename(document);
  }
  return document;
}

}  // namespace vlaq::report
