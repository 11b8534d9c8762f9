#include "backend/onnxruntime/providers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "backend/onnxruntime/profile.h"
#include "base/text.h"
#include "target/precision.h"

namespace vlaq::backend {
namespace {

// When vlaq itself gives an option.
enum class When { kNever, kAlways, kNarrow, kInt8, kCache };

struct OptionRow {
  std::string_view provider, key;
  int since = 0;  // 1.<since>
  When when = When::kNever;
  std::string_view value = {};  // "@cache" stands for the folder
};
// Names and ages after ONNX Runtime's documentation of its TensorRT and CUDA providers.
constexpr std::array kOptions{
    OptionRow{"tensorrt", "device_id", 0, When::kAlways, "0"},
    OptionRow{"tensorrt", "trt_fp16_enable", 0, When::kNarrow, "1"},
    OptionRow{"tensorrt", "trt_int8_enable", 0, When::kInt8, "1"},
    // A LayerNormalization that was taken apart overflows in float16 (docs/check.md, TRT-G11).
    OptionRow{"tensorrt", "trt_layer_norm_fp32_fallback", 14, When::kNarrow, "1"},
    OptionRow{"tensorrt", "trt_engine_cache_enable", 0, When::kCache, "1"},
    OptionRow{"tensorrt", "trt_engine_cache_path", 0, When::kCache, "@cache"},
    OptionRow{"tensorrt", "trt_timing_cache_enable", 15, When::kCache, "1"},
    OptionRow{"tensorrt", "trt_timing_cache_path", 17, When::kCache, "@cache"},
    OptionRow{"tensorrt", "trt_bf16_enable", 22},
    OptionRow{"tensorrt", "trt_max_workspace_size"},
    OptionRow{"tensorrt", "trt_max_partition_iterations"},
    OptionRow{"tensorrt", "trt_min_subgraph_size"},
    OptionRow{"tensorrt", "trt_int8_calibration_table_name"},
    OptionRow{"tensorrt", "trt_engine_cache_prefix", 17},
    OptionRow{"tensorrt", "trt_engine_hw_compatible", 18},
    OptionRow{"tensorrt", "trt_force_timing_cache", 15},
    OptionRow{"tensorrt", "trt_builder_optimization_level", 15},
    OptionRow{"tensorrt", "trt_auxiliary_streams", 15},
    OptionRow{"tensorrt", "trt_profile_min_shapes", 15},
    OptionRow{"tensorrt", "trt_profile_opt_shapes", 15},
    OptionRow{"tensorrt", "trt_profile_max_shapes", 15},
    OptionRow{"tensorrt", "trt_cuda_graph_enable", 16},
    OptionRow{"tensorrt", "trt_dump_ep_context_model", 17},
    OptionRow{"tensorrt", "trt_ep_context_file_path", 17},
    OptionRow{"tensorrt", "trt_ep_context_embed_mode", 17},
    OptionRow{"tensorrt", "trt_weight_stripped_engine_enable", 18},
    OptionRow{"tensorrt", "trt_onnx_model_folder_path", 18},
    OptionRow{"tensorrt", "trt_context_memory_sharing_enable", 14},
    OptionRow{"tensorrt", "trt_sparsity_enable", 15},
    OptionRow{"tensorrt", "trt_tactic_sources", 15},
    OptionRow{"tensorrt", "trt_extra_plugin_lib_paths", 15},
    OptionRow{"tensorrt", "trt_detailed_build_log", 15},
    OptionRow{"tensorrt", "trt_dump_subgraphs"},
    OptionRow{"tensorrt", "trt_dla_enable"},
    OptionRow{"tensorrt", "trt_dla_core"},
    OptionRow{"tensorrt", "trt_op_types_to_exclude", 21},
    OptionRow{"cuda", "device_id", 0, When::kAlways, "0"},
    OptionRow{"cuda", "gpu_mem_limit"},
    OptionRow{"cuda", "arena_extend_strategy"},
    OptionRow{"cuda", "cudnn_conv_algo_search"},
    OptionRow{"cuda", "cudnn_conv_use_max_workspace"},
    OptionRow{"cuda", "do_copy_in_default_stream"},
    OptionRow{"cuda", "enable_cuda_graph"},
    OptionRow{"cuda", "use_tf32", 18},
    OptionRow{"cuda", "prefer_nhwc", 17},
};

struct AdviceRow {
  std::string_view of, advice;
};
constexpr std::array kProviderAdvice{
    AdviceRow{
        "tensorrt",
        "on a Jetson with JetPack 6.1 or later: an onnxruntime-gpu wheel (1.21 or newer) built for its TensorRT, its "
        "library named with --ort; without it `vlaq build` makes engines that need no ONNX Runtime"},
    AdviceRow{
        "cuda",
        "install an onnxruntime-gpu (1.21 or newer) built for this machine's CUDA, and name its library with --ort"},
};

// What providers load themselves, by how the files' names begin.
constexpr std::string_view kCudaAdvice =
    "install the CUDA and cuDNN that this onnxruntime-gpu was built for; on a Jetson: sudo apt install nvidia-jetpack";
constexpr std::string_view kTensorRtAdvice =
    "install the TensorRT that this onnxruntime-gpu was built for; on a Jetson: sudo apt install nvidia-jetpack";
constexpr std::array kLibraries{
    AdviceRow{"libnvinfer", kTensorRtAdvice},
    AdviceRow{"libnvonnxparser", kTensorRtAdvice},
    AdviceRow{"libcuda.so", "it is the GPU's driver: install it; a machine without an NVIDIA GPU has none"},
    AdviceRow{"libcu", kCudaAdvice},
};

bool Applies(When when, const OpenOptions& options) {
  const target::PrecisionRow* precision = target::FindPrecisionRow(options.precision);
  switch (when) {
    case When::kNever:
      return false;
    case When::kAlways:
      return true;
    case When::kNarrow:
      return precision != nullptr && precision->half_kernels;
    case When::kInt8:
      return precision != nullptr && precision->int8_kernels;
    case When::kCache:
      return !options.cache.empty();
  }
  return false;
}

// "cpu:Gather" lets Gather alone be there, "cuda" everything.
bool Allows(const std::vector<std::string>& fallback_providers, const std::string& provider, std::string_view op_type) {
  return std::any_of(fallback_providers.begin(), fallback_providers.end(), [&](const std::string& entry) {
    return entry == provider || entry == fmt::format("{}:{}", provider, op_type);
  });
}

constexpr std::string_view kPlacedOn = "laced on [";  // " All nodes placed on [", " Node(s) placed on ["

}  // namespace

Result<KeyValues> OptionsFor(std::string_view provider, const OpenOptions& options, int minor) {
  KeyValues all;
  std::vector<std::string> known;
  for (const OptionRow& row : kOptions) {
    if (row.provider != provider) continue;
    known.emplace_back(row.key);
    if (minor < row.since || !Applies(row.when, options)) continue;
    all.emplace_back(row.key, row.value == "@cache" ? options.cache.string() : std::string(row.value));
  }
  for (const auto& [key, value] : options.provider_options) {
    const auto* row = std::find_if(kOptions.begin(), kOptions.end(), [&key = key, provider](const OptionRow& r) {
      return r.provider == provider && r.key == key;
    });
    if (row == kOptions.end()) {
      const std::string near = NearestWord(key, known);
      return UsageError(fmt::format("the provider {} has no option '{}'", provider, key),
                        near.empty() ? "" : fmt::format("did you mean {}?", near));
    }
    if (minor < row->since) {
      return UsageError(fmt::format("{} needs ONNX Runtime 1.{}, and this is 1.{}", key, row->since, minor),
                        "name a newer library with --ort");
    }
    const auto own = std::find_if(all.begin(), all.end(), [&key = key](const auto& pair) { return pair.first == key; });
    if (own != all.end()) {
      own->second = value;
    } else {
      all.emplace_back(key, value);
    }
  }
  return all;
}

std::string HowToGet(std::string_view provider) {
  const auto* row = std::find_if(kProviderAdvice.begin(), kProviderAdvice.end(),
                                 [&](const AdviceRow& r) { return r.of == provider; });
  return row != kProviderAdvice.end() ? std::string(row->advice)
                                      : "choose one of them, or name another library with --ort";
}

std::optional<Error> MissingLibrary(std::string_view words, const std::string& where) {
  constexpr std::string_view kBefore = "with error: ", kAfter = ": cannot open shared object file";
  const size_t end = words.find(kAfter), begin = words.substr(0, end).rfind(kBefore);
  if (end == std::string_view::npos || begin == std::string_view::npos) return std::nullopt;
  const std::string library(words.substr(begin + kBefore.size(), end - begin - kBefore.size()));
  const auto* row =
      std::find_if(kLibraries.begin(), kLibraries.end(), [&](const AdviceRow& r) { return library.starts_with(r.of); });
  return Error{
      ErrorCode::kBackend, fmt::format("the provider needs {}, which is not installed", library), where,
      row != kLibraries.end() ? std::string(row->advice) : "install it, or name its folder in LD_LIBRARY_PATH"};
}

std::vector<Placement> ReadPlacements(const std::vector<std::string>& log) {
  std::vector<Placement> placements;
  auto line = std::find(log.begin(), log.end(), "Node placements");
  if (line == log.end()) return placements;
  for (++line; line != log.end() && line->starts_with(' '); ++line) {
    if (line->starts_with("  ")) {
      if (!placements.empty()) placements.back().nodes.push_back(line->substr(2));
      continue;
    }
    const size_t name = line->find(kPlacedOn), end = line->find(']'), number = line->rfind(' ');
    if (name == std::string::npos || end == std::string::npos || end < name) break;
    Placement placement{ShortProviderName(line->substr(name + kPlacedOn.size(), end - name - kPlacedOn.size())), 0, {}};
    const char* last = line->data() + line->size();
    if (std::from_chars(line->data() + number + 1, last, placement.count).ptr != last) break;
    placements.push_back(std::move(placement));
  }
  return placements;
}

Status CheckPlacements(const std::vector<Placement>& placements, const std::string& wanted,
                       const std::vector<std::string>& fallback_providers, const std::string& where) {
  if (placements.empty()) {
    return Error{ErrorCode::kBackend, fmt::format("this library does not say which nodes run on {}", wanted), where,
                 "nothing may fall back unseen: take a version that vlaq is tested with"};
  }
  size_t strays = 0;
  std::string named;
  constexpr size_t kNamed = 5;
  for (const Placement& placement : placements) {
    if (placement.provider == wanted) continue;
    const auto stray = [&](const std::string& node) {
      if (Allows(fallback_providers, placement.provider, node.substr(0, node.find(' ')))) return;
      if (strays++ < kNamed) named += fmt::format("{}{} on {}", named.empty() ? "" : ", ", node, placement.provider);
    };
    if (placement.nodes.empty() && placement.count > 0) {  // one provider has them all, and they are not listed
      if (!Allows(fallback_providers, placement.provider, "")) {
        return Error{ErrorCode::kBackend,
                     fmt::format("all {} nodes run on {}, none on {}", placement.count, placement.provider, wanted),
                     where, "the provider took nothing of this graph"};
      }
      continue;
    }
    for (const std::string& node : placement.nodes) stray(node);
  }
  if (strays == 0) return {};
  if (strays > kNamed) named += fmt::format(" and {} more", strays - kNamed);
  return Error{
      ErrorCode::kBackend, fmt::format("{} nodes do not run on {}: {}", strays, wanted, named), where,
      "let them with --fallback-provider PROVIDER or --fallback-provider PROVIDER:OPERATOR, or change the graph"};
}

std::string PlacementText(const std::vector<Placement>& placements) {
  std::string text;
  for (const Placement& placement : placements) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", placement.provider, Counted(placement.count, "node"));
  }
  return text;
}

std::vector<std::string> FurtherProviders(const std::vector<std::string>& fallback_providers) {
  std::vector<std::string> providers;
  for (const std::string& entry : fallback_providers) {
    std::string provider = entry.substr(0, entry.find(':'));
    if (provider == "cpu" || std::find(providers.begin(), providers.end(), provider) != providers.end()) continue;
    providers.push_back(std::move(provider));
  }
  return providers;
}

bool AllowsCpu(const std::vector<std::string>& fallback_providers) {
  return std::any_of(fallback_providers.begin(), fallback_providers.end(),
                     [](const std::string& e) { return e == "cpu" || e.starts_with("cpu:"); });
}

}  // namespace vlaq::backend
