// What a kosmos2_lstm checkpoint is, for `inspect`.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "families/kosmos2_lstm/kosmos2_lstm.h"
#include "families/kosmos2_lstm/structure.h"

namespace vlaq::kosmos2_lstm {
namespace {

using families::Part;
using families::Summary;

void CountInto(std::vector<Part>& parts, std::string_view name, const checkpoint::Entry& entry) {
  auto part = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.name == name; });
  if (part == parts.end()) {
    parts.push_back({std::string(name)});
    part = parts.end() - 1;
  }
  ++part->tensors;
  part->parameters += entry.size();
  part->bytes += entry.bytes();
}

std::vector<Part> Parts(const checkpoint::Checkpoint& checkpoint, const Structure& s) {
  std::vector<Part> parts;
  for (const std::string_view name : {"vision", "projection", "text", "lstm", "mlp"})
    parts.push_back({std::string(name)});
  for (const auto& [canonical, name] : s.names) CountInto(parts, PartOf(canonical), *checkpoint.Find(name));
  for (const auto& [name, reason] : s.ignored) CountInto(parts, "not needed", *checkpoint.Find(name));
  for (const std::string& name : s.unknown) CountInto(parts, "unknown", *checkpoint.Find(name));
  return parts;
}

// A mobile base has two velocities; what a checkpoint of another robot means, only policy.json can say.
constexpr int64_t kAssumedActionDim = 2;

Json FactsAsJson(const Structure& s) {
  const bool splits = s.mlp.outputs % kAssumedActionDim == 0;
  Json json{
      {"variant", s.variant},
      {"prefixes", {{"backbone", s.backbone_prefix}, {"head", s.head_prefix}}},
      {"text",
       {{"layers", s.text.layers}, {"width", s.text.width}, {"ffn", s.text.ffn}, {"vocabulary", s.text.vocabulary}}},
      {"vision",
       {{"layers", s.vision.layers},
        {"width", s.vision.width},
        {"ffn", s.vision.ffn},
        {"image_size", s.vision.image_size},
        {"patch_size", s.vision.patch}}},
      {"latents", s.latents},
      {"lstm", {{"layers", s.lstm.layers}, {"input", s.lstm.input}, {"hidden", s.lstm.hidden}}},
      {"head_name", s.mlp.name},
      {"mlp", s.mlp.widths},
      {"outputs", s.mlp.outputs},
      {"action_token", s.has_action_token}};
  if (splits) {
    json["chunk"] = s.mlp.outputs / kAssumedActionDim;
    json["action_dim"] = kAssumedActionDim;
    json["action_dim_assumed"] = true;
  }
  return json;
}

std::string Outputs(int64_t outputs) {
  if (outputs % kAssumedActionDim != 0) return fmt::format("{} = chunk x action_dim", outputs);
  return fmt::format("{} = chunk x action_dim, {} x {} for a base with two velocities", outputs,
                     outputs / kAssumedActionDim, kAssumedActionDim);
}

}  // namespace

Result<families::SummaryOrReason> Kosmos2Lstm::Recognize(const checkpoint::Checkpoint& checkpoint) const {
  VLAQ_ASSIGN_OR_RETURN(StructureOrReason read, ReadStructure(checkpoint));
  if (!read.structure) return families::SummaryOrReason{std::nullopt, read.reason};
  const Structure& s = *read.structure;
  Summary summary;
  summary.family = name();
  summary.variant = s.variant;
  summary.parts = Parts(checkpoint, s);
  summary.facts = {
      {"variant", s.variant},
      {"prefixes", fmt::format("backbone '{}', head '{}'", s.backbone_prefix, s.head_prefix)},
      {"text tower", fmt::format("{} layers, width {}, ffn {}, vocabulary {}", s.text.layers, s.text.width, s.text.ffn,
                                 s.text.vocabulary)},
      {"vision tower",
       fmt::format("{} layers, width {}, ffn {}, {} x {} pixels in patches of {}", s.vision.layers, s.vision.width,
                   s.vision.ffn, s.vision.image_size, s.vision.image_size, s.vision.patch)},
      {"image rows", fmt::format("{}", s.latents)},
      {"LSTM", fmt::format("{} layers, input {}, hidden {} (gate stack 4 x {} = {} rows)", s.lstm.layers, s.lstm.input,
                           s.lstm.hidden, s.lstm.hidden, 4 * s.lstm.hidden)},
      {"MLP", fmt::format("{} ({}), outputs {}", fmt::join(s.mlp.widths, " - "), s.mlp.name, Outputs(s.mlp.outputs))},
      {"action token", s.has_action_token ? "yes" : "no"},
  };
  summary.json = JsonString(FactsAsJson(s));
  summary.unknown = s.unknown;
  return families::SummaryOrReason{std::move(summary), ""};
}

}  // namespace vlaq::kosmos2_lstm
