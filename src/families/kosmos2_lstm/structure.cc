#include "families/kosmos2_lstm/structure.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

namespace vlaq::kosmos2_lstm {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Entry;

// Tensors of other versions of the classes that hold nothing a policy needs (docs/kosmos2_lstm.md 3.4).
struct IgnoredName {
  std::string_view suffix;
  std::string_view reason;
};
constexpr std::array kIgnored{
    IgnoredName{"text_model.lm_head.weight",
                "language-model head: the policy computes no logits (the tensor is tied to the embedding)"},
    IgnoredName{"embeddings.position_ids", "buffer 0, 1, 2, ... of older versions, recomputed"},
    IgnoredName{"embed_positions.weights", "sinusoidal table, recomputed"},
    IgnoredName{"embed_positions._float_tensor", "fairseq leftover without meaning"},
    IgnoredName{"self_attn_sope.scale", "fairseq leftover without meaning"},
};

// True if `name` is `suffix`, or ends with "." + `suffix`.
bool EndsWithName(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  return name.size() == suffix.size() || name[name.size() - suffix.size() - 1] == '.';
}

// The prefixes under which a name that ends with `suffix` occurs.
std::vector<std::string> Prefixes(const Checkpoint& checkpoint, std::string_view suffix) {
  std::vector<std::string> prefixes;
  for (const Entry& entry : checkpoint.entries()) {
    if (EndsWithName(entry.name, suffix)) prefixes.push_back(entry.name.substr(0, entry.name.size() - suffix.size()));
  }
  return prefixes;
}

class Reader {
 public:
  explicit Reader(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  Result<StructureOrReason> Read();

 private:
  Error Contradiction(const std::string& name, std::string what) const {
    return InputError(fmt::format("{}: tensor '{}'", checkpoint_.path().string(), name), std::move(what),
                      "the checkpoint is incomplete or of another model");
  }
  // The shape of prefix + name, which must have `rank` dimensions.
  Result<Shape> ShapeOf(const std::string& prefix, std::string_view name, size_t rank) const;
  bool Has(const std::string& prefix, std::string_view name) const {
    return checkpoint_.Find(prefix + std::string(name)) != nullptr;
  }
  int64_t CountLayers(const std::string& prefix, std::string_view pattern_head, std::string_view pattern_tail) const;
  // One of `prefixes`, or why it cannot be told which.
  Result<std::string> OnlyPrefix(const std::vector<std::string>& prefixes, std::string_view what) const;

  Status ReadText();
  Status ReadVision();
  Status ReadLstm();
  Status ReadMlp();
  Status MatchNames();

  const Checkpoint& checkpoint_;
  Structure s_;
};

Result<Shape> Reader::ShapeOf(const std::string& prefix, std::string_view name, size_t rank) const {
  const std::string full = prefix + std::string(name);
  const Entry* entry = checkpoint_.Find(full);
  if (entry == nullptr) return Contradiction(full, "is missing");
  const bool positive = std::all_of(entry->shape.begin(), entry->shape.end(), [](int64_t n) { return n > 0; });
  if (entry->shape.size() != rank || !positive) {
    return Contradiction(
        full, fmt::format("has the shape {}, but {} positive extents are needed", ShapeText(entry->shape), rank));
  }
  return entry->shape;
}

int64_t Reader::CountLayers(const std::string& prefix, std::string_view head, std::string_view tail) const {
  int64_t count = 0;
  while (Has(prefix, fmt::format("{}{}{}", head, count, tail))) ++count;
  return count;
}

Result<std::string> Reader::OnlyPrefix(const std::vector<std::string>& prefixes, std::string_view what) const {
  if (prefixes.size() == 1) return prefixes.front();
  return InputError(
      checkpoint_.path().string(),
      fmt::format("holds {} copies of '{}' (under '{}' and '{}')", prefixes.size(), what, prefixes[0], prefixes[1]),
      "save only the model's own state dict");
}

Status Reader::ReadText() {
  const std::string& p = s_.backbone_prefix;
  VLAQ_ASSIGN_OR_RETURN(const Shape embedding, ShapeOf(p, kEmbedding, 2));
  s_.text.vocabulary = embedding[0];
  s_.text.width = embedding[1];
  if (s_.text.width < 4) {  // the position table divides by half of it less one
    return Contradiction(p + std::string(kEmbedding), fmt::format("is {} wide; at least 4 are needed", s_.text.width));
  }
  s_.text.layers = CountLayers(p, "text_model.model.layers.", ".self_attn.k_proj.weight");
  VLAQ_ASSIGN_OR_RETURN(const Shape fc1, ShapeOf(p, "text_model.model.layers.0.ffn.fc1.weight", 2));
  s_.text.ffn = fc1[0];
  VLAQ_ASSIGN_OR_RETURN(const Shape latents, ShapeOf(p, kLatentQuery, 2));
  s_.latents = latents[0];
  return {};
}

Status Reader::ReadVision() {
  const std::string& p = s_.backbone_prefix;
  VLAQ_ASSIGN_OR_RETURN(const Shape patch, ShapeOf(p, kPatchEmbedding, 4));
  if (patch[2] != patch[3]) {
    return Contradiction(p + std::string(kPatchEmbedding),
                         fmt::format("has patches of {} x {} pixels, not square ones", patch[2], patch[3]));
  }
  if (patch[1] != 3) {
    return Contradiction(p + std::string(kPatchEmbedding),
                         fmt::format("reads {} channels; camera frames have 3", patch[1]));
  }
  s_.vision.width = patch[0];
  s_.vision.channels = patch[1];
  s_.vision.patch = patch[2];
  VLAQ_ASSIGN_OR_RETURN(const Shape positions, ShapeOf(p, kPositionEmbedding, 2));
  const auto grid = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(positions[0] - 1))));
  if (grid < 1 || grid * grid + 1 != positions[0]) {
    return Contradiction(p + std::string(kPositionEmbedding),
                         fmt::format("has {} rows, which is not a square grid of patches plus one", positions[0]));
  }
  s_.vision.image_size = grid * s_.vision.patch;
  s_.vision.layers = CountLayers(p, "vision_model.model.encoder.layers.", ".self_attn.k_proj.weight");
  VLAQ_ASSIGN_OR_RETURN(const Shape fc1, ShapeOf(p, "vision_model.model.encoder.layers.0.mlp.fc1.weight", 2));
  s_.vision.ffn = fc1[0];
  return {};
}

Status Reader::ReadLstm() {
  const std::string& p = s_.head_prefix;
  VLAQ_ASSIGN_OR_RETURN(const Shape gates, ShapeOf(p, kFirstGates, 2));
  if (gates[0] % 4 != 0) {
    return Contradiction(p + std::string(kFirstGates),
                         fmt::format("has {} rows, not four gates of equal size", gates[0]));
  }
  for (const std::string_view other : {"rnn.weight_ih_l0_reverse", "rnn.weight_hr_l0"}) {
    if (Has(p, other)) return Contradiction(p + std::string(other), "belongs to a bidirectional or projected LSTM");
  }
  s_.lstm.hidden = gates[0] / 4;
  s_.lstm.input = gates[1];
  s_.lstm.layers = CountLayers(p, "rnn.weight_ih_l", "");
  return {};
}

Status Reader::ReadMlp() {
  // <head prefix><name>.mlp.<number>.weight
  std::set<std::string> heads;
  std::set<int64_t> numbers;
  for (const Entry& entry : checkpoint_.entries()) {
    if (!entry.name.starts_with(s_.head_prefix) || !entry.name.ends_with(".weight")) continue;
    const std::string rest = entry.name.substr(s_.head_prefix.size());
    const size_t at = rest.find(".mlp.");
    if (at == std::string::npos || rest.substr(0, at).find('.') != std::string::npos) continue;
    const std::string number = rest.substr(at + 5, rest.size() - at - 5 - 7);
    if (number.empty() || number.size() > 4 || number.find_first_not_of("0123456789") != std::string::npos) continue;
    heads.insert(rest.substr(0, at));
    numbers.insert(std::stol(number));
  }
  const std::string where = checkpoint_.path().string();
  if (heads.contains("gripper")) {
    return InputError(where, "has a gripper head (stock RoboVLMs), which kosmos2_lstm does not have",
                      "only the mobile variants with one action head can be exported");
  }
  if (heads.size() != 1) {
    return InputError(where, heads.empty() ? "has an LSTM but no MLP head ('<name>.mlp.<n>.weight')"
                                           : "has several MLP heads beside the LSTM");
  }
  s_.mlp.name = *heads.begin();
  s_.mlp.numbers.assign(numbers.begin(), numbers.end());
  for (const int64_t number : s_.mlp.numbers) {
    VLAQ_ASSIGN_OR_RETURN(const Shape shape,
                          ShapeOf(s_.head_prefix, fmt::format("{}.mlp.{}.weight", s_.mlp.name, number), 2));
    s_.mlp.widths.push_back(shape[0]);
  }
  s_.mlp.outputs = s_.mlp.widths.back();
  s_.mlp.widths.pop_back();
  return {};
}

Status Reader::MatchNames() {
  std::set<std::string, std::less<>> known;
  for (const ExpectedTensor& expected : ExpectedTensors(s_)) {
    const bool head = PartOf(expected.name) == "lstm" || PartOf(expected.name) == "mlp";
    const std::string name = (head ? s_.head_prefix : s_.backbone_prefix) + expected.name;
    const Entry* entry = checkpoint_.Find(name);
    if (entry == nullptr) return Contradiction(name, "is missing");
    if (entry->shape != expected.shape) {
      return Contradiction(name, fmt::format("has the shape {}, but the others imply {}", ShapeText(entry->shape),
                                             ShapeText(expected.shape)));
    }
    if (!IsFloat(entry->dtype) || DTypeBits(entry->dtype) < 8) {
      return Contradiction(name, fmt::format("holds {} values, not weights", DTypeName(entry->dtype)));
    }
    s_.names.emplace(expected.name, name);
    known.insert(name);
  }
  const std::vector<std::string> tokens = Prefixes(checkpoint_, kActionToken);
  if (!tokens.empty()) {
    VLAQ_ASSIGN_OR_RETURN(const std::string prefix, OnlyPrefix(tokens, kActionToken));
    const std::string name = prefix + std::string(kActionToken);
    const Shape& shape = checkpoint_.Find(name)->shape;
    const bool fits = !shape.empty() && shape.back() == s_.text.width && ElementCount(shape) == s_.text.width;
    if (!fits) {
      return Contradiction(name, fmt::format("has the shape {}; only one token of width {} is supported",
                                             ShapeText(shape), s_.text.width));
    }
    s_.has_action_token = true;
    s_.names.emplace(kActionToken, name);
    known.insert(name);
  }
  for (const Entry& entry : checkpoint_.entries()) {
    if (known.contains(entry.name)) continue;
    const auto* ignored = std::find_if(kIgnored.begin(), kIgnored.end(),
                                       [&](const IgnoredName& i) { return EndsWithName(entry.name, i.suffix); });
    if (ignored != kIgnored.end()) {
      s_.ignored.emplace(entry.name, ignored->reason);
    } else {
      s_.unknown.push_back(entry.name);
    }
  }
  return {};
}

Result<StructureOrReason> Reader::Read() {
  const auto landmarks = {kEmbedding, kPatchEmbedding, kLatentQuery, kFirstGates};
  for (const std::string_view landmark : landmarks) {
    if (Prefixes(checkpoint_, landmark).empty()) {
      return StructureOrReason{std::nullopt, fmt::format("no tensor named '...{}'", landmark)};
    }
  }
  VLAQ_ASSIGN_OR_RETURN(s_.backbone_prefix, OnlyPrefix(Prefixes(checkpoint_, kEmbedding), kEmbedding));
  VLAQ_ASSIGN_OR_RETURN(s_.head_prefix, OnlyPrefix(Prefixes(checkpoint_, kFirstGates), kFirstGates));
  VLAQ_RETURN_IF_ERROR(ReadText());
  VLAQ_RETURN_IF_ERROR(ReadVision());
  VLAQ_RETURN_IF_ERROR(ReadLstm());
  VLAQ_RETURN_IF_ERROR(ReadMlp());
  VLAQ_RETURN_IF_ERROR(MatchNames());
  const bool robovlms = s_.has_action_token || s_.mlp.name == "velocities" || s_.head_prefix.ends_with("act_head.");
  s_.variant = robovlms ? "RoboVLMs" : "simple LSTM";
  return StructureOrReason{std::move(s_), ""};
}

}  // namespace

Result<StructureOrReason> ReadStructure(const Checkpoint& checkpoint) { return Reader(checkpoint).Read(); }

Result<Structure> RequireStructure(const Checkpoint& checkpoint) {
  VLAQ_ASSIGN_OR_RETURN(StructureOrReason read, ReadStructure(checkpoint));
  if (!read.structure) {
    return InputError(checkpoint.path().string(), fmt::format("is not a kosmos2_lstm policy: {}", read.reason),
                      "`vlaq inspect` shows what the file holds");
  }
  return std::move(*read.structure);
}

Status CheckSpec(const PolicySpec& spec, const Structure& structure, const std::string& where) {
  struct Fact {
    std::string_view key;
    int64_t given, from_shapes;
  };
  for (const Fact& fact : {Fact{"lstm_input", spec.lstm_input, structure.lstm.input},
                           Fact{"lstm_hidden", spec.lstm_hidden, structure.lstm.hidden},
                           Fact{"lstm_layers", spec.lstm_layers, structure.lstm.layers},
                           Fact{"image_size", spec.preprocess.image_size, structure.vision.image_size},
                           Fact{"vocabulary", spec.vocabulary, structure.text.vocabulary},
                           Fact{"image_tokens", spec.image_tokens, structure.latents}}) {
    if (fact.given != fact.from_shapes) {
      return InputError(
          where,
          fmt::format("\"{}\" is {}, but the checkpoint's shapes say {}", fact.key, fact.given, fact.from_shapes),
          "the file belongs to another checkpoint");
    }
  }
  if (spec.mlp_widths != structure.mlp.widths) {
    return InputError(where, fmt::format("\"mlp_widths\" is {}, but the checkpoint's shapes say {}", spec.mlp_widths,
                                         structure.mlp.widths));
  }
  if (spec.head_name != structure.mlp.name) {
    return InputError(where, fmt::format("\"head_name\" is \"{}\", but the checkpoint's head is \"{}\"", spec.head_name,
                                         structure.mlp.name));
  }
  if (spec.architecture != "kosmos2_lstm") {
    return InputError(where,
                      fmt::format("\"architecture\" is \"{}\", but the checkpoint is kosmos2_lstm", spec.architecture));
  }
  return {};
}

}  // namespace vlaq::kosmos2_lstm
