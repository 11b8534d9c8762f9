#include "cli/inspect_text.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"

namespace vlaq::cli {
namespace {

std::string Text(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }
int64_t Number(const Json& value) { return value.get<int64_t>(); }
std::string Bytes(const Json& value) { return HumanBytes(value.get<uint64_t>()); }

std::string Dtypes(const Json& document) {
  TextTable table({"dtype", "tensors", "bytes"});
  for (const Json& row : document["dtypes"]) {
    table.AddRow({Text(row["dtype"]), Grouped(Number(row["tensors"])), Grouped(Number(row["bytes"]))});
  }
  return Section("Data types", table);
}

std::string Tensors(const Json& document) {
  if (!document.contains("tensor_list")) return "";
  TextTable table({"tensor", "dtype", "shape", "bytes"});
  for (const Json& row : document["tensor_list"]) {
    table.AddRow({Text(row["name"]), Text(row["dtype"]), row["shape"].dump(), Grouped(Number(row["bytes"]))});
  }
  return Section("Tensors", table);
}

std::string Files(const Json& document) {
  if (!document.contains("files")) return "";
  TextTable table({"file", "bytes", "SHA-256"});
  for (const Json& row : document["files"]) {
    table.AddRow(
        {Text(row["file"]), Grouped(Number(row["bytes"])), row.contains("sha256") ? Text(row["sha256"]) : "(--hash)"});
  }
  return Section("Files", table);
}

std::string Shared(const Json& document) {
  if (document["shared"].empty()) return "";
  TextTable table({"storage", "bytes", "how", "tensors"});
  for (const Json& row : document["shared"]) {
    const Json& names = row["tensors"];
    const std::string rest = names.size() > 2 ? fmt::format(" and {} more", names.size() - 1) : "";
    const std::string second = names.size() == 2 ? ", " + Text(names[1]) : "";
    table.AddRow(
        {Text(row["storage"]), Grouped(Number(row["bytes"])), Text(row["kind"]), Text(names[0]) + second + rest});
  }
  return Section("Shared storages", table);
}

std::string Extras(const Json& document) {
  if (document["extras"].empty()) return "";
  TextTable table({"key", "value"});
  for (const auto& [name, text] : document["extras"].items()) table.AddRow({name, Text(text)});
  return Section("What else the file holds", table);
}

std::string CheckpointText(const Json& d) {
  const std::string container = Text(d["container"]);
  std::string text = fmt::format("{}: {} checkpoint{}, architecture {}\n", Text(d["path"]), Text(d["format"]),
                                 container.empty() ? "" : fmt::format(" ({})", container), Text(d["architecture"]));
  text += fmt::format("{} tensors, {} parameters, {}\n", Grouped(Number(d["tensors"])),
                      Grouped(Number(d["parameters"])), Bytes(d["bytes"]));
  if (d["distinct_parameters"] != d["parameters"]) {
    text +=
        fmt::format("{} parameters when tied tensors are counted once\n", Grouped(Number(d["distinct_parameters"])));
  }
  if (d.contains("reason")) text += fmt::format("{}\n", Text(d["reason"]));
  TextTable parts({"part", "tensors", "parameters", "bytes"});
  for (const Json& part : d["parts"]) {
    parts.AddRow({Text(part["name"]), Grouped(Number(part["tensors"])), Grouped(Number(part["parameters"])),
                  Grouped(Number(part["bytes"]))});
  }
  text += Section("Parts", parts);
  if (d.contains("facts")) {
    TextTable facts({"what", "found"});
    for (const Json& fact : d["facts"]) facts.AddRow({Text(fact["name"]), Text(fact["text"])});
    text += Section("Structure", facts);
  }
  if (d.contains("unknown_tensors") && !d["unknown_tensors"].empty()) {
    text += "\nTensors without a place in the architecture (export refuses them)\n";
    for (const Json& name : d["unknown_tensors"]) text += fmt::format("  {}\n", Text(name));
  }
  return text + Dtypes(d) + Shared(d) + Extras(d) + Files(d) + Tensors(d);
}

std::string Shape(const Json& port) {
  if (!port.contains("shape")) return "";
  std::string text = "[";
  for (const Json& dim : port["shape"]) text += (text.size() > 1 ? ", " : "") + Text(dim);
  return text + "]";
}

std::string GraphText(const Json& d) {
  std::string opsets;
  for (const auto& [domain, version] : d["opsets"].items()) {
    opsets += fmt::format("{}{} {}", opsets.empty() ? "" : ", ", domain, version.dump());
  }
  std::string text = fmt::format("IR {}, opset {}, made by {}; {} nodes, {} tensors, {} parameters, {}\n",
                                 d["ir_version"].dump(), opsets, Text(d["producer"]), Grouped(Number(d["nodes"])),
                                 Grouped(Number(d["tensors"])), Grouped(Number(d["parameters"])), Bytes(d["bytes"]));
  TextTable ports({"", "name", "type", "shape"});
  for (const Json& port : d["inputs"]) ports.AddRow({"input", Text(port["name"]), Text(port["type"]), Shape(port)});
  for (const Json& port : d["outputs"]) ports.AddRow({"output", Text(port["name"]), Text(port["type"]), Shape(port)});
  text += Section("Inputs and outputs", ports);
  TextTable operators({"operator", "nodes"});
  for (const auto& [name, count] : d["operators"].items()) operators.AddRow({name, Grouped(Number(count))});
  text += Section("Operators", operators);
  text += Dtypes(d);
  for (const Json& file : d["external"]) {
    text += fmt::format("  external data: {} ({} of {} bytes used)\n", Text(file["file"]),
                        Grouped(Number(file["bytes_used"])), Grouped(Number(file["bytes"])));
  }
  return text + Tensors(d);
}

std::string BundleText(const Json& d) {
  const Json& policy = d["policy"];
  std::string text = fmt::format("{}: bundle, architecture {}, {}, {} weights, {} parameters\n", Text(d["path"]),
                                 Text(d["architecture"]), Text(d["precision"]), Grouped(Number(d["tensors"])),
                                 Grouped(Number(d["parameters"])));
  TextTable settings({"setting", "value"});
  for (const char* key : {"feature_source", "prompt_layout", "window", "chunk", "action_dim", "action_scale",
                          "control_period_s", "image_size", "preprocess", "prompt_text", "prompt_ids"}) {
    settings.AddRow({key, Text(policy[key])});
  }
  text += Section("Policy", settings);
  if (!d["provenance"]["assumptions"].empty()) {
    text += "\nAssumed at export\n";
    for (const Json& assumption : d["provenance"]["assumptions"]) text += fmt::format("  - {}\n", Text(assumption));
  }
  for (const auto& [role, graph] : d["graphs"].items()) {
    text += fmt::format("\n=== {}: {} ({} bytes)\n{}", role, Text(graph["file"]), Grouped(Number(graph["file_bytes"])),
                        GraphText(graph));
  }
  if (d.contains("hash_mismatches")) {
    text += d["hash_mismatches"].empty() ? "\nAll files have the recorded SHA-256.\n" : "\nChanged since export:\n";
    for (const Json& row : d["hash_mismatches"]) text += fmt::format("  {}\n", Text(row["file"]));
  }
  return text;
}

}  // namespace

std::string Section(std::string_view title, const TextTable& table) {
  return fmt::format("\n{}\n{}", title, table.ToString(2));
}

std::string InspectText(const Json& document) {
  const std::string kind = Text(document["kind"]);
  if (kind == "checkpoint") return CheckpointText(document);
  if (kind == "bundle") return BundleText(document);
  if (kind == "episodes") return EpisodesText(document);
  return fmt::format("{}: ONNX model\n{}{}", Text(document["path"]), GraphText(document), Files(document));
}

}  // namespace vlaq::cli
