#include "evaluate/bundle_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/assemble.h"
#include "base/hash.h"
#include "base/machine.h"
#include "base/mapped_file.h"
#include "base/parallel.h"
#include "evaluate/score.h"
#include "policy/value_shapes.h"
#include "tensor/convert.h"

namespace vlaq::evaluate {
namespace {

// The longest window that the default schedule keeps.
int64_t WindowOf(const policy::Policy& policy) {
  const auto schedule = policy.schedules.find(policy.default_schedule);
  return schedule == policy.schedules.end() ? 1 : policy::LongestWindow(schedule->second).value_or(1);
}

// A network's value means offset + scale x value. A scale alone is that of a network that gives [-1, 1]; the other
// modes leave its values free.
void TakeUnnormalization(const policy::Normalization& normalization, ActionSpace& space) {
  const std::vector<double>&a = normalization.a, &b = normalization.b;
  space.clipped = normalization.mode == policy::NormalizationMode::kScale;
  space.scale = {1.0};
  switch (normalization.mode) {
    case policy::NormalizationMode::kIdentity:
      return;
    case policy::NormalizationMode::kScale:
      space.scale = a;
      return;
    case policy::NormalizationMode::kMeanStd:
      space.offset = a;
      space.scale = b;
      return;
    case policy::NormalizationMode::kMinMax:
      space.scale.clear();
      for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
        const double low = a[a.size() == 1 ? 0 : i], high = b[b.size() == 1 ? 0 : i];
        space.offset.push_back((low + high) / 2);
        space.scale.push_back((high - low) / 2);
      }
      return;
  }
}

// Errors: kInput for an output that is no action [dim] or chunk of them [n, dim].
Result<ActionSpace> SpaceOf(const bundle::Bundle& bundle) {
  const policy::Output& action = bundle.policy.outputs.front();
  const bool is_action = (action.shape.size() == 1 || action.shape.size() == 2) &&
                         std::ranges::all_of(action.shape, [](int64_t n) { return n >= 1; });
  if (!is_action) {
    return InputError(bundle.path.string(),
                      fmt::format("the policy's first output '{}' is {}, no action [dim] and no chunk of them [n, dim]",
                                  action.name, ShapeText(action.shape)),
                      "vlaq run BUNDLE --inputs FILE.safetensors runs it on tensors; extents that are not known can be "
                      "set in its policy.json");
  }
  ActionSpace space;
  space.chunk = action.shape.size() == 2 ? action.shape[0] : 1;
  space.action_dim = action.shape.back();
  space.window = WindowOf(bundle.policy);
  space.names = action.names;
  space.units = action.units;
  space.traits = &families::TraitsOf(bundle.policy.family);
  space.control = bundle.policy.control;
  TakeUnnormalization(action.unnormalize, space);
  return space;
}

class BundlePolicy : public PolicyUnderTest {
 public:
  BundlePolicy(ActionSpace space, std::vector<data::WantedFeature> wanted, Policy policy)
      : space_(std::move(space)), wanted_(std::move(wanted)), policy_(std::move(policy)) {}

  Status Begin(const std::string& task) override {
    return policy_.follows_instructions() ? policy_.Reset(task) : Forget();
  }

  Result<Tensor> Act(const Observation& observation) override {
    VLAQ_ASSIGN_OR_RETURN(const auto match, data::MatchFeatures(wanted_, data::StreamsOf(observation)));
    Observation observed;
    for (const auto& [wanted, name] : match) observed.emplace(wanted, observation.at(name));
    VLAQ_ASSIGN_OR_RETURN(const Outputs outputs, policy_.Step(observed));
    VLAQ_ASSIGN_OR_RETURN(const Tensor action, ToFloat32(outputs.raw.at(policy_.outputs().front().name)));
    return action.rank() == 1 ? action.Reshaped({1, action.shape()[0]}) : action;
  }

  Status Forget() override {
    policy_.Reset();
    return {};
  }

  const ActionSpace& space() const override { return space_; }
  std::string Description() const override { return policy_.Describe(); }

 private:
  ActionSpace space_;
  std::vector<data::WantedFeature> wanted_;
  Policy policy_;
};

Result<std::string> HashOfFile(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return Sha256Hex(file->bytes());
}

}  // namespace

std::vector<data::WantedFeature> WantedOf(const policy::Policy& policy) {
  std::vector<data::WantedFeature> wanted;
  for (const policy::Input& input : policy.inputs) {
    const bool is_image = input.type == policy::InputType::kImage;
    if (is_image || input.type == policy::InputType::kState) wanted.push_back({input.name, is_image});
  }
  return wanted;
}

Result<std::unique_ptr<BundlePolicyFactory>> BundlePolicyFactory::Open(bundle::Bundle bundle,
                                                                       const backend::Backend& backend,
                                                                       backend::OpenOptions options,
                                                                       std::filesystem::path tokenizer_file) {
  VLAQ_ASSIGN_OR_RETURN(ActionSpace space, SpaceOf(bundle));
  if (WantedOf(bundle.policy).empty()) {
    return InputError(bundle.path.string(),
                      "the policy observes neither pictures nor states, so nothing can be shown to it",
                      "vlaq run BUNDLE --inputs FILE.safetensors runs it on tensors");
  }
  VLAQ_ASSIGN_OR_RETURN(std::shared_ptr<const runtime::TextEncoder> text,
                        runtime::OpenTextEncoder(bundle, tokenizer_file));
  if (text != nullptr) VLAQ_RETURN_IF_ERROR(text->Load());
  std::unique_ptr<BundlePolicyFactory> factory(new BundlePolicyFactory(std::move(bundle), backend, std::move(options)));
  factory->tokenizer_file_ = std::move(tokenizer_file);
  factory->space_ = std::move(space);
  factory->text_ = std::move(text);
  return factory;
}

Result<PolicyIdentity> BundlePolicyFactory::Describe(std::string kind, std::string name) const {
  std::string engine = fmt::format("{}, {}", backend_.name(), options_.provider);
  if (!options_.engines.empty()) engine += ", finished engines";
  PolicyIdentity subject{std::move(kind), std::move(name), "", "", std::move(engine)};
  VLAQ_ASSIGN_OR_RETURN(subject.sha256, HashOfFile(bundle_.path / bundle::kPolicyFile));
  if (!tokenizer_file_.empty()) {
    VLAQ_ASSIGN_OR_RETURN(subject.tokenizer_sha256, HashOfFile(tokenizer_file_));
    if (bundle_.tokenizer && bundle_.tokenizer->sha256 == subject.tokenizer_sha256) subject.tokenizer_sha256.clear();
  }
  return subject;
}

int DriversThatFit(const bundle::Bundle& bundle, int wanted, uint64_t available_bytes) {
  constexpr uint64_t kBesideWeights = uint64_t{256} << 20U;  // activations, frames, the simulator
  const uint64_t fitting = available_bytes / (bundle.weights.bytes + kBesideWeights);
  return static_cast<int>(std::clamp<uint64_t>(fitting, 1, static_cast<uint64_t>(std::max(1, wanted))));
}

int ChooseParallelism(const bundle::Bundle& bundle, int asked, Log& log) {
  if (asked > 0) return asked;
  const int cores = HardwareThreads();
  const int fitting = DriversThatFit(bundle, cores, ThisMachine().available_memory_bytes);
  if (fitting < cores) {
    log.Note(fmt::format("{} instead of {} episodes at a time, as there is no memory for more; --threads changes that",
                         fitting, cores));
  }
  return fitting;
}

bool BundlePolicyFactory::reads_instructions() const { return text_ != nullptr && api::ReadsTask(bundle_.policy); }

Result<std::unique_ptr<PolicyUnderTest>> BundlePolicyFactory::Make() const {
  VLAQ_ASSIGN_OR_RETURN(Policy policy, api::Assemble(bundle_, backend_, options_, {.text = text_}));
  return std::unique_ptr<PolicyUnderTest>(new BundlePolicy(space_, WantedOf(bundle_.policy), std::move(policy)));
}

}  // namespace vlaq::evaluate
