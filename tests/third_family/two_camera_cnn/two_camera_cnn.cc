#include "two_camera_cnn/two_camera_cnn.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "families/network.h"
#include "tensor/convert.h"

namespace vlaq::two_camera_cnn {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Entry;
using families::Network;
using families::Value;
using onnx::Dim;

constexpr std::string_view kPolicyGraph = "policy";
constexpr int64_t kStride = 4;
constexpr double kPeriod = 0.1;  // seconds, of its robot

struct Structure {
  std::vector<std::string> cameras;  // in the order of their names
  int64_t image_size = 0, state = 0, action = 0, chunk = 0;
};

const Entry* Find(const Checkpoint& checkpoint, const std::string& name, size_t rank) {
  const Entry* entry = checkpoint.Find(name);
  return entry != nullptr && entry->shape.size() == rank ? entry : nullptr;
}

std::vector<std::string> CamerasOf(const Checkpoint& checkpoint) {
  constexpr std::string_view kBefore = "cameras.", kBehind = ".conv.weight";
  std::vector<std::string> cameras;
  for (const Entry& entry : checkpoint.entries()) {
    const std::string_view name = entry.name;
    if (!name.starts_with(kBefore) || !name.ends_with(kBehind)) continue;
    cameras.emplace_back(name.substr(kBefore.size(), name.size() - kBefore.size() - kBehind.size()));
  }
  std::ranges::sort(cameras);
  return cameras;
}

// What the tensors say; the reason why they are no such policy.
Result<Structure> Read(const Checkpoint& checkpoint) {
  const auto wrong = [&](std::string what) { return InputError(checkpoint.path().string(), std::move(what)); };
  Structure s;
  s.cameras = CamerasOf(checkpoint);
  if (s.cameras.size() != 2) return wrong("it has no two tensors cameras.NAME.conv.weight");
  const Entry* hidden = Find(checkpoint, "mlp.0.weight", 2);
  const Entry* last = Find(checkpoint, "mlp.1.weight", 2);
  const Entry* state = Find(checkpoint, "state_mean", 1);
  const Entry* action = Find(checkpoint, "action_mean", 1);
  if (hidden == nullptr || last == nullptr || state == nullptr || action == nullptr) {
    return wrong("mlp.0.weight, mlp.1.weight, state_mean or action_mean is missing");
  }
  s.state = state->shape[0];
  s.action = action->shape[0];
  s.chunk = s.action > 0 ? last->shape[0] / s.action : 0;
  const Entry* conv = Find(checkpoint, fmt::format("cameras.{}.conv.weight", s.cameras[0]), 4);
  if (conv == nullptr || conv->shape[0] < 1) return wrong("a convolution's weight is no [out, 3, k, k]");
  const int64_t pixels = (hidden->shape[1] - s.state) / (2 * conv->shape[0]);
  int64_t side = 0;
  while ((side + 1) * (side + 1) <= pixels) ++side;
  s.image_size = side * kStride;
  if (s.chunk < 1 || side * side * 2 * conv->shape[0] + s.state != hidden->shape[1]) {
    return wrong(fmt::format("mlp.0.weight reads {} values, which no image size gives", hidden->shape[1]));
  }
  return s;
}

Result<std::vector<double>> Numbers(const Checkpoint& checkpoint, const std::string& name) {
  const Entry* entry = checkpoint.Find(name);
  if (entry == nullptr) return InputError(checkpoint.path().string(), fmt::format("tensor '{}' is missing", name));
  VLAQ_ASSIGN_OR_RETURN(const Tensor tensor, ToFloat32(checkpoint.Read(*entry)));
  const auto values = tensor.data<float>();
  return std::vector<double>(values.begin(), values.end());
}

policy::Input CameraInput(const std::string& name, int64_t size) {
  policy::Input camera;
  camera.name = "observation.images." + name;
  camera.type = policy::InputType::kImage;
  camera.shape = {3, size, size};
  camera.preprocess.resize = image::Filter::kBilinear;
  camera.preprocess.normalization = image::Normalization::kNone;
  camera.preprocess.image_size = static_cast<int>(size);
  return camera;
}

Result<policy::Policy> PolicyOf(const Checkpoint& checkpoint, const Structure& s) {
  policy::Policy policy;
  policy.family = "two_camera_cnn";
  policy::Graph& graph = policy.graphs[std::string(kPolicyGraph)];
  graph.file = "policy.onnx";
  for (const std::string& camera : s.cameras) {
    policy.inputs.push_back(CameraInput(camera, s.image_size));
    graph.inputs.emplace(camera, policy.inputs.back().name);
  }
  policy::Input& state = policy.inputs.emplace_back();
  state.name = "observation.state";
  state.shape = {s.state};
  state.normalize.mode = policy::NormalizationMode::kMeanStd;
  VLAQ_ASSIGN_OR_RETURN(state.normalize.a, Numbers(checkpoint, "state_mean"));
  VLAQ_ASSIGN_OR_RETURN(state.normalize.b, Numbers(checkpoint, "state_std"));
  graph.inputs.emplace("state", state.name);
  policy::Output& action = policy.outputs.emplace_back();
  action.name = "action";
  action.shape = {s.chunk, s.action};
  action.unnormalize.mode = policy::NormalizationMode::kMeanStd;
  VLAQ_ASSIGN_OR_RETURN(action.unnormalize.a, Numbers(checkpoint, "action_mean"));
  VLAQ_ASSIGN_OR_RETURN(action.unnormalize.b, Numbers(checkpoint, "action_std"));
  graph.outputs.emplace("actions", action.name);
  policy.control.period_s = kPeriod;
  policy::Step run;
  run.graph = kPolicyGraph;
  policy.schedules["step"] = {run};
  policy.default_schedule = "step";
  return policy;
}

Result<onnx::Model> BuildGraph(const Structure& s, families::WeightTable& weights) {
  Network net(std::string(kPolicyGraph), weights);
  const Dim batch = Dim::Named("batch");
  std::vector<Value> parts;
  for (const std::string& camera : s.cameras) {
    const Value pixels = net.graph().Input(camera, DType::kF32,
                                           {batch, Dim::Fixed(3), Dim::Fixed(s.image_size), Dim::Fixed(s.image_size)});
    const std::string module = fmt::format("cameras.{}.conv", camera);
    const Value maps =
        net.Op("Conv", {pixels, net.Weight(module + ".weight"), net.Weight(module + ".bias")},
               {{"kernel_shape", onnx::Ints{kStride, kStride}}, {"strides", onnx::Ints{kStride, kStride}}});
    parts.push_back(net.Op("Flatten", {net.Activate(maps, families::Activation::kRelu)}));
  }
  parts.push_back(net.graph().Input("state", DType::kF32, {batch, Dim::Fixed(s.state)}));
  const Value hidden = net.Activate(net.Linear(net.Concat(parts, 1), "mlp.0"), families::Activation::kRelu);
  const Value actions = net.Reshape(net.Linear(hidden, "mlp.1"), {-1, s.chunk, s.action});
  net.graph().Output(actions, "actions", DType::kF32, {batch, Dim::Fixed(s.chunk), Dim::Fixed(s.action)});
  return net.Finish();
}

bool IsNormalization(std::string_view tensor) {
  return tensor == "state_mean" || tensor == "state_std" || tensor == "action_mean" || tensor == "action_std";
}

}  // namespace

const std::vector<families::SettingInfo>& TwoCameraCnn::settings() const {
  static const std::vector<families::SettingInfo> none;  // all of it stands in the checkpoint
  return none;
}

Result<families::SummaryOrReason> TwoCameraCnn::Recognize(const Checkpoint& checkpoint) const {
  const auto read = Read(checkpoint);
  if (!read.ok()) return families::SummaryOrReason{std::nullopt, read.error().what};
  families::Summary summary;
  summary.family = name();
  families::Part all{"all"};
  for (const Entry& entry : checkpoint.entries()) {
    ++all.tensors;
    all.parameters += entry.size();
    all.bytes += entry.bytes();
  }
  summary.parts = {all};
  summary.facts = {{"cameras", fmt::format("{}", fmt::join(read->cameras, ", "))},
                   {"state", fmt::format("{} values", read->state)},
                   {"actions", fmt::format("{} of {} values a step", read->chunk, read->action)}};
  summary.json = JsonString(Json{{"cameras", read->cameras}, {"state", read->state}, {"action", read->action}});
  return families::SummaryOrReason{std::move(summary), ""};
}

Result<families::Proposal> TwoCameraCnn::Settle(const Checkpoint& checkpoint, const families::Settings& settings,
                                                Log& log) const {
  VLAQ_ASSIGN_OR_RETURN(const Structure s, Read(checkpoint));
  if (settings.task) log.Warning("the policy reads no instruction");
  families::Proposal proposal;
  proposal.settings = "{}";
  proposal.config = "{}";
  VLAQ_ASSIGN_OR_RETURN(proposal.policy, PolicyOf(checkpoint, s));
  proposal.assumptions.push_back(
      {"control.period_s", fmt::format("{}", kPeriod), fmt::format("control.period_s is {}", kPeriod)});
  return proposal;
}

Result<families::PolicyGraphs> TwoCameraCnn::Build(const Checkpoint& checkpoint, const std::string&, const std::string&,
                                                   const families::BuildOptions& options) const {
  VLAQ_ASSIGN_OR_RETURN(const Structure s, Read(checkpoint));
  std::map<std::string, std::string> names;
  for (const Entry& entry : checkpoint.entries()) names.emplace(entry.name, entry.name);
  families::WeightTable weights(checkpoint, names, options.precision);
  families::PolicyGraphs graphs;
  VLAQ_ASSIGN_OR_RETURN(graphs.policy, PolicyOf(checkpoint, s));
  VLAQ_ASSIGN_OR_RETURN(onnx::Model model, BuildGraph(s, weights));
  graphs.graphs.push_back({std::string(kPolicyGraph), "policy.onnx",
                           fmt::format("cameras and state -> actions [batch, {}, {}]", s.chunk, s.action),
                           std::move(model)});
  graphs.weights.assign(weights.placed().begin(), weights.placed().end());
  for (const auto& [name, same] : names) {
    if (IsNormalization(name)) graphs.left_out.emplace(name, "stands in policy.json");
  }
  return graphs;
}

}  // namespace vlaq::two_camera_cnn

namespace vlaq::families {

const Family& two_camera_cnn_family() {
  static const two_camera_cnn::TwoCameraCnn family;
  return family;
}

}  // namespace vlaq::families
