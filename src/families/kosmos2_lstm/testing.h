// A tiny random policy of variant A or of the RoboVLMs naming, as an editable set of tensors, for tests of this module
// and of those after it. Written as .safetensors with config.json and policy.json beside it.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/json.h"
#include "base/random.h"
#include "checkpoint/checkpoint.h"
#include "families/kosmos2_lstm/structure.h"
#include "tensor/convert.h"
#include "tensor/tensor.h"

namespace vlaq::kosmos2_lstm::testing {

inline void WriteText(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

// [begin of file] the tensors in the order of their names.
inline void WriteSafetensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors,
                             const std::map<std::string, std::string>& metadata = {}) {
  const std::map<DType, std::string> names{
      {DType::kF32, "F32"}, {DType::kF16, "F16"}, {DType::kBF16, "BF16"}, {DType::kI64, "I64"}, {DType::kU8, "U8"}};
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const size_t begin = data.size();
    data.append(AsText(tensor.bytes()));
    header[name] = {
        {"dtype", names.at(tensor.dtype())}, {"shape", tensor.shape()}, {"data_offsets", {begin, data.size()}}};
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const auto length = static_cast<uint64_t>(text.size());
  WriteText(path, std::string(reinterpret_cast<const char*>(&length), 8) + text + data);
}

inline Tensor RandomTensor(const Shape& shape, uint64_t seed, double scale, double middle = 0) {
  Tensor tensor = Tensor::Make(DType::kF32, shape);
  Random random(seed);
  for (float& x : tensor.mutable_data<float>()) x = static_cast<float>(middle + scale * random.Normal());
  return tensor;
}

class TinyPolicy {
 public:
  // 2 text and 3 vision layers, 4 patches, 5 image rows, 2 LSTM layers, window 3, chunk 2 x 2.
  static kosmos2_lstm::Structure DefaultStructure() {
    kosmos2_lstm::Structure s;
    s.text = {.layers = 2, .width = 12, .ffn = 20, .vocabulary = 30};
    s.vision = {.layers = 3, .width = 8, .ffn = 10, .channels = 3, .patch = 4, .image_size = 8};
    s.latents = 5;
    s.lstm = {.layers = 2, .input = 12, .hidden = 6};
    s.mlp = {.name = "actions", .numbers = {0, 2}, .widths = {7}, .outputs = 4};
    return s;
  }

  explicit TinyPolicy(bool robovlms = false, kosmos2_lstm::Structure s = DefaultStructure(), uint64_t seed = 1)
      : structure(std::move(s)),
        backbone(robovlms ? "model.backbone." : "kosmos_model."),
        head(robovlms ? "model.act_head." : "") {
    for (const kosmos2_lstm::ExpectedTensor& expected : kosmos2_lstm::ExpectedTensors(structure)) {
      const std::string_view part = kosmos2_lstm::PartOf(expected.name);
      const std::string& prefix = part == "lstm" || part == "mlp" ? head : backbone;
      const bool matrix = expected.shape.size() > 1;
      const bool norm = !matrix && expected.name.ends_with(".weight");
      const int64_t fan = matrix ? *ElementCount(expected.shape) / expected.shape[0] : 25;
      const double scale = part == "lstm" ? 0.5 : 1 / std::sqrt(static_cast<double>(fan));
      tensors.emplace(prefix + expected.name, RandomTensor(expected.shape, ++seed, scale, norm ? 1 : 0));
    }
    if (robovlms) tensors.emplace("model.action_token", RandomTensor({structure.text.width}, ++seed, 0.2));
    config = {{"latent_query_num", structure.latents},
              {"text_config",
               {{"vocab_size", structure.text.vocabulary},
                {"embed_dim", structure.text.width},
                {"layers", structure.text.layers},
                {"attention_heads", 3},
                {"ffn_dim", structure.text.ffn}}},
              {"vision_config",
               {{"hidden_size", structure.vision.width},
                {"intermediate_size", structure.vision.ffn},
                {"num_hidden_layers", structure.vision.layers},
                {"num_attention_heads", 2},
                {"image_size", structure.vision.image_size},
                {"patch_size", structure.vision.patch}}}};
    policy = {{"feature_source", robovlms ? "action_token" : "mean_hidden"},
              {"prompt_layout", robovlms ? "robovlms" : "hf_processor"},
              {"window", 3},
              {"chunk", structure.mlp.outputs / 2},
              {"action_dim", 2},
              {"action_scale", 2.0}};
    // <s> <image> placeholders </image> words, or <s> words </s>.
    std::vector<int64_t> ids{0};
    if (!robovlms) {
      ids.push_back(20);
      for (int64_t i = 0; i < structure.latents; ++i) ids.push_back(4 + i);
      ids.push_back(21);
    }
    for (const int64_t word : {25, 26, 27}) ids.push_back(word);
    if (robovlms) ids.push_back(2);
    policy["prompt_ids"] = ids;
  }

  Tensor& Backbone(const std::string& canonical) { return tensors.at(backbone + canonical); }
  Tensor& Head(const std::string& canonical) { return tensors.at(head + canonical); }

  std::filesystem::path Save(const std::filesystem::path& folder) const {
    WriteSafetensors(folder / "model.safetensors", tensors, metadata);
    WriteText(folder / "config.json", config.dump());
    WriteText(folder / "policy.json", policy.dump());
    return folder / "model.safetensors";
  }
  std::shared_ptr<const checkpoint::Checkpoint> Open(const std::filesystem::path& folder) const {
    const auto opened = checkpoint::Checkpoint::Open(Save(folder));
    return opened.ok() ? *opened : nullptr;
  }

  kosmos2_lstm::Structure structure;
  std::string backbone, head;  // prefixes
  std::map<std::string, Tensor> tensors;
  Json config, policy;
  std::map<std::string, std::string> metadata;  // what the file says of itself
};

}  // namespace vlaq::kosmos2_lstm::testing
