// The three graphs of a kosmos2_lstm bundle: encoder, head, and both joined.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "families/kosmos2_lstm/config.h"
#include "families/kosmos2_lstm/kosmos2_lstm.h"
#include "families/kosmos2_lstm/policy_of.h"
#include "families/kosmos2_lstm/structure.h"
#include "families/kosmos2_lstm/towers.h"

namespace vlaq::kosmos2_lstm {
namespace {

using families::BuildOptions;
using families::PolicyGraphs;
using families::WeightTable;
using onnx::Dim;

class GraphFactory {
 public:
  GraphFactory(const Model& model, const PolicySpec& spec, WeightTable& weights)
      : model_(model), spec_(spec), weights_(weights) {}

  Result<onnx::Model> Encoder(bool bake_prompt) {
    Network net("encoder", weights_);
    const Value pixels = net.graph().Input("pixel_values", DType::kF32, PixelDims({Dim::Named("batch")}));
    const bool reads_prompt = spec_.feature_source != FeatureSource::kPooler;
    PromptValues prompt;
    if (reads_prompt && !bake_prompt) {
      const std::vector<Dim> dims{Dim::Named("batch"), Dim::Named("tokens")};
      prompt = {net.graph().Input("input_ids", DType::kI64, dims),
                net.graph().Input("attention_mask", DType::kI64, dims), false};
    } else if (reads_prompt) {
      prompt = BakedPrompt(net);
    }
    net.graph().Output(Encode(net, pixels, prompt), "feature", DType::kF32,
                       {Dim::Named("batch"), Dim::Fixed(spec_.lstm_input)});
    return net.Finish();
  }

  Result<onnx::Model> Head() {
    Network net("head", weights_);
    const Value features = net.graph().Input("features", DType::kF32,
                                             {Dim::Named("batch"), Dim::Named("window"), Dim::Fixed(spec_.lstm_input)});
    Act(net, features);
    return net.Finish();
  }

  // Every frame of every window goes through the encoder as one batch.
  Result<onnx::Model> Whole() {
    Network net("policy", weights_);
    const Value pixels =
        net.graph().Input("pixel_values", DType::kF32, PixelDims({Dim::Named("batch"), Dim::Named("window")}));
    const VisionStructure& vision = model_.structure.vision;
    const Value frames = net.Reshape(pixels, {-1, vision.channels, vision.image_size, vision.image_size});
    const PromptValues prompt = spec_.feature_source == FeatureSource::kPooler ? PromptValues{} : BakedPrompt(net);
    const Value feature = Encode(net, frames, prompt);
    const Value batch_and_window = net.Slice(net.Op("Shape", {pixels}), 0, 0, 2);
    const Value shape = net.Concat({batch_and_window, net.Integers({spec_.lstm_input})}, 0);
    Act(net, net.Op("Reshape", {feature, shape}));
    return net.Finish();
  }

  const std::map<std::string, std::string>& stages() const { return stages_; }

 private:
  std::vector<Dim> PixelDims(std::vector<Dim> leading) const {
    const VisionStructure& vision = model_.structure.vision;
    for (const int64_t extent : {vision.channels, vision.image_size, vision.image_size}) {
      leading.push_back(Dim::Fixed(extent));
    }
    return leading;
  }

  PromptValues BakedPrompt(Network& net) const {
    const Shape shape{1, static_cast<int64_t>(spec_.prompt_ids.size())};
    return {net.graph().Constant("prompt/input_ids", Tensor::From<int64_t>(shape, spec_.prompt_ids)),
            net.graph().Constant("prompt/attention_mask", Tensor::From<int64_t>(shape, spec_.PromptMask())), true};
  }

  Value Encode(Network& net, const Value& pixels, const PromptValues& prompt) {
    const Value vision = Stage(kVisionLastHidden, VisionTower(net, model_, pixels));
    if (spec_.feature_source == FeatureSource::kPooler) return VisionPooler(net, model_, vision);
    const Value image = Stage(kImageEmbeds, ImageEmbeds(net, model_, vision));
    const Sequence sequence = ArrangeSequence(net, model_, spec_, prompt, image);
    const Value text = Stage(kTextLastHidden, TextTower(net, model_, sequence));
    return SelectFeature(net, spec_, text, sequence.mask);
  }

  // Remembers what a stage's result is called; the names are the same in every graph.
  const Value& Stage(std::string_view stage, const Value& value) { return stages_[std::string(stage)] = value; }

  void Act(Network& net, const Value& features) {
    net.graph().Output(ActionHead(net, model_, spec_, features), "actions", DType::kF32,
                       {Dim::Named("batch"), Dim::Fixed(spec_.chunk), Dim::Fixed(spec_.action_dim)});
  }

  const Model& model_;
  const PolicySpec& spec_;
  WeightTable& weights_;
  std::map<std::string, std::string> stages_;
};

// Rows of the position table. Transformers makes a longer one when a sequence needs it; here kMinPositions are enough
// for every prompt at run time, and the baked prompt gets what it needs. Rows 0 and 1 belong to no position.
int64_t PositionRows(const Config& config, const Structure& structure, const PolicySpec& spec) {
  const auto longest = static_cast<int64_t>(spec.prompt_ids.size()) + structure.latents + 1;
  return std::max({config.max_positions, kMinPositions, longest}) + 2;
}

// Why tensors with a place in the architecture are in no graph.
std::string ReasonLeftOut(std::string_view canonical, const PolicySpec& spec) {
  if (canonical == "action_token") {
    return fmt::format("feature_source {} with prompt_layout {} does not read it", Name(spec.feature_source),
                       Name(spec.prompt_layout));
  }
  if (spec.feature_source == FeatureSource::kPooler) {
    return "feature_source pooler is computed from the vision tower alone";
  }
  if (canonical.starts_with("vision_model.model.post_layernorm")) return "not read";
  return "";
}

Result<std::map<std::string, std::string>> LeftOut(const Structure& structure, const PolicySpec& spec,
                                                   const std::vector<families::PlacedWeight>& weights) {
  std::set<std::string, std::less<>> used;
  for (const auto& weight : weights) used.insert(weight.recipe.sources.begin(), weight.recipe.sources.end());
  std::map<std::string, std::string> left_out = structure.ignored;
  for (const auto& [canonical, name] : structure.names) {
    if (used.contains(name)) continue;
    std::string reason = ReasonLeftOut(canonical, spec);
    if (reason.empty()) return InternalError(name, "the tensor got lost on the way into the graphs");
    left_out.emplace(name, std::move(reason));
  }
  return left_out;
}

Status RefuseUnknown(const checkpoint::Checkpoint& checkpoint, const Structure& structure) {
  if (structure.unknown.empty()) return {};
  return InputError(
      fmt::format("{}: tensor '{}'", checkpoint.path().string(), structure.unknown.front()),
      fmt::format("has no place in kosmos2_lstm ({} such tensors), so the graphs would not be this policy",
                  structure.unknown.size()),
      "`vlaq inspect --tensors` lists them");
}

// Names of the files, and what the graphs are for people. The whole-policy graph's name is the published one, which
// users' scripts open.
void Describe(const PolicySpec& spec, bool reads_task, PolicyGraphs& graphs) {
  const std::string frame = fmt::format("3, {0}, {0}]", spec.preprocess.image_size);
  const std::string actions = fmt::format("actions [batch, {}, {}]", spec.chunk, spec.action_dim);
  const auto describe = [&](std::string_view name, std::string_view file, std::string what) {
    const auto graph = std::ranges::find(graphs.graphs, name, &families::BuiltGraph::name);
    graph->file = file;
    graph->what = std::move(what);
  };
  describe(kWhole, "mae0222_model_cpu.onnx",
           fmt::format("whole policy: pixel_values [batch, window, {} -> {}", frame, actions));
  describe(kEncoder, "encoder.onnx",
           fmt::format("one frame: pixel_values [batch, {}{} -> feature [batch, {}]", frame,
                       reads_task ? " + prompt" : "", spec.lstm_input));
  describe(kHead, "head.onnx", fmt::format("the rest: features [batch, window, {}] -> {}", spec.lstm_input, actions));
}

}  // namespace

Result<PolicyGraphs> Kosmos2Lstm::Build(const checkpoint::Checkpoint& checkpoint, const std::string& settings,
                                        const std::string& config, const BuildOptions& options) const {
  VLAQ_ASSIGN_OR_RETURN(const Json own, ParseJson(settings, "settings"));
  VLAQ_ASSIGN_OR_RETURN(const PolicySpec spec, ParsePolicySpec(own, "settings", {}));
  VLAQ_ASSIGN_OR_RETURN(Structure structure, RequireStructure(checkpoint));
  VLAQ_RETURN_IF_ERROR(RefuseUnknown(checkpoint, structure));
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseJson(config, "config"));
  VLAQ_ASSIGN_OR_RETURN(Config parsed, ParseConfig(json, "config", structure));
  VLAQ_RETURN_IF_ERROR(Validate(spec));
  VLAQ_RETURN_IF_ERROR(CheckSpec(spec, structure, "policy.json"));
  const int64_t rows = PositionRows(parsed, structure, spec);
  const Model model{std::move(structure), parsed, rows};

  WeightTable weights(checkpoint, model.structure.names, options.precision);
  GraphFactory factory(model, spec, weights);
  PolicyGraphs graphs;
  const auto add = [&](std::string_view name, Result<onnx::Model> made) -> Status {
    if (!made.ok()) return made.error();
    graphs.graphs.push_back({std::string(name), "", "", std::move(*made)});
    return {};
  };
  // The order decides where weights lie in their file.
  VLAQ_RETURN_IF_ERROR(add(kEncoder, factory.Encoder(options.bake_text)));
  VLAQ_RETURN_IF_ERROR(add(kHead, factory.Head()));
  VLAQ_RETURN_IF_ERROR(add(kWhole, factory.Whole()));
  const bool reads_task = !options.bake_text && CanReadTask(spec);
  Describe(spec, reads_task, graphs);
  graphs.stages = factory.stages();
  graphs.policy = PolicyOf(spec, reads_task, {{}, graphs.stages, options.tokenizer});
  graphs.weights.assign(weights.placed().begin(), weights.placed().end());
  VLAQ_ASSIGN_OR_RETURN(graphs.left_out, LeftOut(model.structure, spec, graphs.weights));
  return graphs;
}

}  // namespace vlaq::kosmos2_lstm
