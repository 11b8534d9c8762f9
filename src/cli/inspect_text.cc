#include "cli/inspect_text.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"

namespace vlaq::cli {
namespace {

std::string BytesText(const Json& value) { return HumanBytes(value.get<uint64_t>()); }

std::string Dtypes(const Json& document) {
  TextTable table({"dtype", "tensors", "bytes"});
  for (const Json& row : document["dtypes"]) {
    table.AddRow({JsonText(row["dtype"]), JsonCount(row["tensors"]), JsonCount(row["bytes"])});
  }
  return Section("Data types", table);
}

std::string Tensors(const Json& document) {
  if (!document.contains("tensor_list")) return "";
  TextTable table({"tensor", "dtype", "shape", "bytes"});
  for (const Json& row : document["tensor_list"]) {
    table.AddRow({JsonText(row["name"]), JsonText(row["dtype"]), JsonString(row["shape"]), JsonCount(row["bytes"])});
  }
  return Section("Tensors", table);
}

std::string Shared(const Json& document) {
  if (document["shared"].empty()) return "";
  TextTable table({"storage", "bytes", "how", "tensors"});
  for (const Json& row : document["shared"]) {
    const Json& names = row["tensors"];
    const std::string rest = names.size() > 2 ? fmt::format(" and {} more", names.size() - 1) : "";
    const std::string second = names.size() == 2 ? ", " + JsonText(names[1]) : "";
    table.AddRow(
        {JsonText(row["storage"]), JsonCount(row["bytes"]), JsonText(row["kind"]), JsonText(names[0]) + second + rest});
  }
  return Section("Shared storages", table);
}

constexpr size_t kMaxValue = 100;  // bytes of a cell

std::string Cut(std::string text) {
  if (text.size() <= kMaxValue) return text;
  size_t end = kMaxValue;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside a character
  return text.substr(0, end) + "...";
}

// One row for each member of what can be taken apart (args, hyper_parameters), else one for the whole.
void AddRows(const std::string& name, const Json& value, TextTable& table) {
  if (!value.is_object() || value.empty()) {
    table.AddRow({name, Cut(JsonText(value))});
    return;
  }
  for (const auto& [key, member] : value.items()) AddRows(name + "." + key, member, table);
}

std::string Extras(const Json& document) {
  if (document["extras"].empty()) return "";
  const Json& settings = document["settings"];
  TextTable table({"key", "value"});
  for (const auto& [name, text] : document["extras"].items()) {
    const auto setting = settings.find(name.starts_with("metadata.") ? name.substr(9) : name);
    if (setting != settings.end() && setting->is_object()) {
      AddRows(name, *setting, table);
    } else {
      table.AddRow({name, Cut(JsonText(text))});
    }
  }
  return Section("What else the file holds", table);
}

std::string OtherStateDicts(const Json& d) {
  std::string text;
  for (const Json& name : d["other_state_dicts"]) {
    text +=
        fmt::format("also holds {} with the same names; --state-dict {} chooses it\n", JsonText(name), JsonText(name));
  }
  return text;
}

std::string NonFiniteWeights(const Json& d) {
  if (!d.contains("non_finite")) return "";
  if (d["non_finite"].empty()) return "\nAll weights are finite.\n";
  TextTable table({"tensor", "first element", "value", "not finite"});
  for (const Json& row : d["non_finite"]) {
    table.AddRow({JsonText(row["tensor"]), JsonCount(row["first"]), JsonText(row["value"]),
                  fmt::format("{} of {}", JsonCount(row["count"]), JsonCount(row["elements"]))});
  }
  return Section("Weights that are not finite (export refuses them)", table);
}

std::string CheckpointText(const Json& d) {
  const std::string container = JsonText(d["container"]);
  std::string text = fmt::format("{}: {} checkpoint{}, architecture {}\n", JsonText(d["path"]), JsonText(d["format"]),
                                 container.empty() ? "" : fmt::format(" ({})", container), JsonText(d["architecture"]));
  text += fmt::format("{} tensors, {} parameters, {}\n", JsonCount(d["tensors"]), JsonCount(d["parameters"]),
                      BytesText(d["bytes"]));
  if (d["distinct_parameters"] != d["parameters"]) {
    text += fmt::format("{} parameters when tied tensors are counted once\n", JsonCount(d["distinct_parameters"]));
  }
  text += OtherStateDicts(d);
  if (d.contains("role")) {
    text += fmt::format("{}\n", JsonText(d["role"]));
  } else if (d.contains("reason")) {
    text += fmt::format("{}\n", JsonText(d["reason"]));
  }
  TextTable parts({"part", "tensors", "parameters", "bytes"});
  for (const Json& part : d["parts"]) {
    parts.AddRow(
        {JsonText(part["name"]), JsonCount(part["tensors"]), JsonCount(part["parameters"]), JsonCount(part["bytes"])});
  }
  text += Section("Parts", parts);
  if (d.contains("facts")) {
    TextTable facts({"what", "found"});
    for (const Json& fact : d["facts"]) facts.AddRow({JsonText(fact["name"]), JsonText(fact["text"])});
    text += Section("Structure", facts);
  }
  if (d.contains("unknown_tensors") && !d["unknown_tensors"].empty()) {
    text += "\nTensors without a place in the architecture (export refuses them)\n";
    for (const Json& name : d["unknown_tensors"]) text += fmt::format("  {}\n", JsonText(name));
  }
  return text + Dtypes(d) + Shared(d) + Extras(d) + NonFiniteWeights(d) + FilesText(d) + Tensors(d);
}

std::string PortShape(const Json& port) {
  if (!port.contains("shape")) return "";
  std::string text = "[";
  for (const Json& dim : port["shape"]) text += (text.size() > 1 ? ", " : "") + JsonText(dim);
  return text + "]";
}

std::string GraphText(const Json& d, bool operators) {
  std::string opsets;
  for (const auto& [domain, version] : d["opsets"].items()) {
    opsets += fmt::format("{}{} {}", opsets.empty() ? "" : ", ", Printable(domain), JsonString(version));
  }
  std::string text = fmt::format("IR {}, opset {}, made by {}; {} nodes, {} tensors, {} parameters, {}\n",
                                 JsonString(d["ir_version"]), opsets, JsonText(d["producer"]), JsonCount(d["nodes"]),
                                 JsonCount(d["tensors"]), JsonCount(d["parameters"]), BytesText(d["bytes"]));
  TextTable ports({"", "name", "type", "shape"});
  for (const Json& port : d["inputs"])
    ports.AddRow({"input", JsonText(port["name"]), JsonText(port["type"]), PortShape(port)});
  for (const Json& port : d["outputs"])
    ports.AddRow({"output", JsonText(port["name"]), JsonText(port["type"]), PortShape(port)});
  text += Section("Inputs and outputs", ports);
  if (operators) {
    TextTable table({"operator", "nodes"});
    for (const auto& [name, count] : d["operators"].items()) table.AddRow({name, JsonCount(count)});
    text += Section("Operators", table);
  }
  text += Dtypes(d);
  for (const Json& file : d["external"]) {
    text += fmt::format("  external data: {} ({} of {} bytes used)\n", JsonText(file["file"]),
                        JsonCount(file["bytes_used"]), JsonCount(file["bytes"]));
  }
  return text + Tensors(d);
}

// Files by name, one line.
std::string FileNames(const Json& files) {
  std::string names;
  for (const Json& file : files) names += (names.empty() ? "" : ", ") + JsonText(file["file"]);
  return names;
}

// Whether one of the policy's inputs is an instruction.
bool ReadsText(const Json& d) {
  for (const Json& input : d["features"]["inputs"]) {
    if (input["type"] == "text") return true;
  }
  return false;
}

// "run encoder -> window feature 8 -> run head", the default one first.
std::string Schedules(const Json& features) {
  const std::string standard = JsonText(features["default_schedule"]);
  std::string text = "\nSchedules\n", others;
  for (const auto& [name, steps] : features["schedules"].items()) {
    (name == standard ? text : others) += fmt::format("  {}: {}\n", Printable(name), JsonText(steps));
  }
  return text + others;
}

std::string Features(const Json& features) {
  TextTable ports({"", "name", "kind", "type", "shape", "numbers"});
  for (const Json& input : features["inputs"]) {
    ports.AddRow({"observes", JsonText(input["name"]), JsonText(input["type"]), JsonText(input["dtype"]),
                  input["type"] == "text" ? "" : JsonString(input["shape"]), JsonText(input["normalize"])});
  }
  for (const Json& output : features["outputs"]) {
    ports.AddRow({"gives", JsonText(output["name"]), "", JsonText(output["dtype"]), JsonString(output["shape"]),
                  JsonText(output["unnormalize"])});
  }
  return Section("Policy", ports);
}

// Inputs, outputs and schedules of a policy that has no further settings.
std::string PolicyAsData(const Json& features) {
  const Json& control = features["control"];
  std::string text = Features(features) + Schedules(features);
  text += fmt::format("  a control step every {} s plays {} of the actions\n", JsonText(control["period_s"]),
                      JsonText(control["n_action_steps"]));
  if (control.contains("temporal_ensemble_coeff")) {
    text += fmt::format("  predictions are averaged with exp(-{} i)\n", JsonText(control["temporal_ensemble_coeff"]));
  }
  return text;
}

// What one wants to know first: what it is, what it was made from, what was taken for granted.
std::string BundleHead(const Json& d) {
  const Json& provenance = d["provenance"];
  const std::string target = JsonText(d["target"]);
  std::string text =
      fmt::format("{}: bundle, architecture {}, {}{}, {}\n", JsonText(d["path"]), JsonText(d["architecture"]),
                  JsonText(d["precision"]), target.empty() ? "" : " for " + target, BytesText(d["bytes"]));
  text += fmt::format("{} parameters in {} weights{}\n", JsonCount(d["parameters"]), JsonCount(d["tensors"]),
                      d["computed"] == 0 ? "" : fmt::format(", and {} computed numbers", JsonCount(d["computed"])));
  text += fmt::format("made by vlaq {} {} from {}\n", JsonText(provenance["vlaq_version"]),
                      JsonText(provenance["command"]), FileNames(provenance["sources"]));
  if (const std::string dict = JsonText(provenance["state_dict"]); !dict.empty()) {
    text += fmt::format("weights of its {}\n", dict);
  }
  if (!provenance["found"].empty()) text += fmt::format("with {} beside it\n", FileNames(provenance["found"]));
  if (!d["tokenizer"].is_null()) {
    text += fmt::format("tokenizer {}\n", JsonText(d["tokenizer"]["file"]));
  } else if (ReadsText(d) || !d["policy"].contains("schedules")) {
    text += "no tokenizer: it follows the prompt below alone\n";
  }
  if (provenance["assumptions"].empty()) return text;
  text += fmt::format("\nAssumed at {}\n", JsonText(provenance["command"]) == "import" ? "import" : "export");
  for (const Json& assumption : provenance["assumptions"]) {
    text += fmt::format("  {} {}\n", assumption["can_hurt"] == true ? "!" : "-", JsonText(assumption["text"]));
  }
  return text;
}

// A family's own, long lists cut.
std::string FamilySettings(const Json& policy) {
  TextTable settings({"setting", "value"});
  for (const auto& [key, value] : policy.items()) settings.AddRow({key, Cut(JsonText(value))});
  return Section("Policy", settings);
}

std::string BundleText(const Json& d, bool operators) {
  const Json& policy = d["policy"];
  std::string text = BundleHead(d);
  if (policy.contains("schedules")) {
    text += PolicyAsData(d["features"]);
  } else {
    text += FamilySettings(policy) + Schedules(d["features"]);
  }
  for (const auto& [role, graph] : d["graphs"].items()) {
    text += fmt::format("\n=== {}: {} ({} bytes)\n{}", Printable(role), JsonText(graph["file"]),
                        JsonCount(graph["file_bytes"]), GraphText(graph, operators));
  }
  if (!operators) text += "\n--operators lists the operators of each graph.\n";
  if (d.contains("hash_mismatches")) {
    text += d["hash_mismatches"].empty() ? "\nAll files have the recorded SHA-256.\n" : "\nChanged since export:\n";
    for (const Json& row : d["hash_mismatches"]) text += fmt::format("  {}\n", JsonText(row["file"]));
  }
  return text + NonFiniteWeights(d);
}

std::string DocumentText(const Json& d) {
  const std::string schema = JsonText(d["document_schema"]);
  return fmt::format("{}: {}{}\n{}\n", JsonText(d["path"]), JsonText(d["what"]),
                     schema.empty() ? "" : fmt::format(" ({})", schema), JsonText(d["takes"]));
}

}  // namespace

std::string Section(std::string_view title, const TextTable& table) {
  return fmt::format("\n{}\n{}", title, table.ToString(2));
}

std::string FilesText(const Json& document) {
  if (!document.contains("files")) return "";
  TextTable table({"file", "bytes", "SHA-256"});
  for (const Json& row : document["files"]) {
    table.AddRow({JsonText(row["file"]), JsonCount(row["bytes"]),
                  row.contains("sha256") ? JsonText(row["sha256"]) : "(--hash)"});
  }
  return Section("Files", table);
}

std::string JsonText(const Json& value) {
  return Printable(value.is_string() ? value.get<std::string>() : JsonString(value));
}

std::string JsonCount(const Json& value) { return Grouped(value.get<int64_t>()); }

std::string InspectText(const Json& document, bool operators) {
  const std::string kind = JsonText(document["kind"]);
  if (kind == "checkpoint") return CheckpointText(document);
  if (kind == "bundle") return BundleText(document, operators);
  if (kind == "document") return DocumentText(document);
  if (kind == "episodes") return EpisodesText(document);
  if (kind == "recording") return RecordingText(document);
  return fmt::format("{}: ONNX model\n{}{}", JsonText(document["path"]), GraphText(document, true),
                     FilesText(document));
}

}  // namespace vlaq::cli
