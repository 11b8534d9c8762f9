#include "evaluation/policy_driver.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "base/machine.h"
#include "base/mapped_file.h"
#include "base/parallel.h"
#include "evaluation/score.h"
#include "runtime/executor.h"
#include "runtime/features.h"
#include "runtime/open_policy.h"

namespace vlaq::evaluation {
namespace {

// The longest window that the default schedule keeps.
int64_t WindowOf(const policy::Policy& policy) {
  int64_t window = 1;
  const auto schedule = policy.schedules.find(policy.default_schedule);
  if (schedule == policy.schedules.end()) return window;
  for (const policy::Step& step : schedule->second) window = std::max(window, step.length);
  return window;
}

// Of a policy that CheckDrives() took.
ActionSpace SpaceOf(const policy::Policy& policy) {
  const policy::Output& action = policy.outputs.front();
  const bool scaled = action.unnormalize.mode == policy::NormalizationMode::kScale;
  return {action.shape[0], action.shape[1], scaled ? action.unnormalize.a.front() : 1.0, WindowOf(policy)};
}

class PolicyDriver : public Driver {
 public:
  PolicyDriver(ActionSpace space, std::string camera, std::shared_ptr<const runtime::TextEncoder> text,
               runtime::Executor executor, runtime::FeatureReader features)
      : space_(space),
        camera_(std::move(camera)),
        text_(std::move(text)),
        executor_(std::move(executor)),
        features_(std::move(features)) {
    if (text_ != nullptr) task_ = text_->Exported().values;
  }

  Status Begin(const std::string& instruction) override {
    if (text_ != nullptr && text_->can_encode()) {
      VLAQ_ASSIGN_OR_RETURN(runtime::EncodedTask encoded, text_->Encode(instruction));
      task_ = std::move(encoded.values);
    }
    return Forget();
  }

  Result<Tensor> Act(const image::ImageView& frame) override {
    backend::NamedTensors observation = task_;
    observation[camera_] = Tensor::From<uint8_t>({frame.height, frame.width, 3}, frame.rgb);
    VLAQ_ASSIGN_OR_RETURN(const backend::NamedTensors values, features_.Read(observation));
    VLAQ_ASSIGN_OR_RETURN(const backend::NamedTensors outputs, executor_.Step(values));
    return outputs.at(executor_.policy().outputs.front().name);
  }

  Status Forget() override {
    executor_.Reset();
    return {};
  }

  const ActionSpace& space() const override { return space_; }
  std::string Description() const override { return executor_.Description(); }

 private:
  ActionSpace space_;
  std::string camera_;
  std::shared_ptr<const runtime::TextEncoder> text_;
  runtime::Executor executor_;
  runtime::FeatureReader features_;
  backend::NamedTensors task_;  // what the instruction became
};

Error DrivesNothing(const bundle::Bundle& bundle, const std::string& why) {
  return InputError(bundle.path.string(),
                    why + ": recorded episodes and the simulator have one camera and the velocities of a mobile base",
                    "vlaq run BUNDLE --inputs FILE.safetensors runs it on tensors");
}

// The one input that frames are. Errors: kInput for a policy that observes more, or gives other actions.
Result<std::string> CheckDrives(const bundle::Bundle& bundle) {
  std::string camera, others;
  for (const policy::Input& input : bundle.policy.inputs) {
    if (input.type == policy::InputType::kImage && camera.empty()) {
      camera = input.name;
    } else if (input.type == policy::InputType::kImage || input.type == policy::InputType::kState) {
      others += (others.empty() ? "" : ", ") + input.name;
    }
  }
  if (camera.empty()) return DrivesNothing(bundle, "the policy observes no camera");
  if (!others.empty()) return DrivesNothing(bundle, "the policy also observes " + others);
  const policy::Output& action = bundle.policy.outputs.front();
  const bool is_velocity = action.shape.size() == 2 && action.shape[0] >= 1 && action.shape[1] >= 2 &&
                           action.shape[1] <= static_cast<int64_t>(kMaxAxes);
  if (!is_velocity || action.unnormalize.a.size() > 1) {
    return DrivesNothing(bundle, fmt::format("the policy gives '{}' {}", action.name, ShapeText(action.shape)));
  }
  return camera;
}

Result<std::string> HashOfFile(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return Sha256Hex(file->bytes());
}

}  // namespace

Result<std::unique_ptr<PolicyDriverFactory>> PolicyDriverFactory::Open(bundle::Bundle bundle,
                                                                       const backend::Backend& backend,
                                                                       backend::OpenOptions options,
                                                                       std::filesystem::path tokenizer_file) {
  VLAQ_ASSIGN_OR_RETURN(std::string camera, CheckDrives(bundle));
  VLAQ_ASSIGN_OR_RETURN(std::shared_ptr<const runtime::TextEncoder> text,
                        runtime::OpenTextEncoder(bundle, tokenizer_file));
  if (text != nullptr) VLAQ_RETURN_IF_ERROR(text->Load());
  std::unique_ptr<PolicyDriverFactory> factory(new PolicyDriverFactory(std::move(bundle), backend, std::move(options)));
  factory->tokenizer_file_ = std::move(tokenizer_file);
  factory->camera_ = std::move(camera);
  factory->text_ = std::move(text);
  return factory;
}

ActionSpace PolicyDriverFactory::space() const { return SpaceOf(bundle_.policy); }

Result<Subject> PolicyDriverFactory::Describe(std::string kind, std::string name) const {
  std::string engine = fmt::format("{}, {}", backend_.name(), options_.provider);
  if (!options_.engines.empty()) engine += ", finished engines";
  Subject subject{std::move(kind), std::move(name), "", "", std::move(engine)};
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

int SideBySide(const bundle::Bundle& bundle, int asked, Log& log) {
  if (asked > 0) return asked;
  const int cores = HardwareThreads();
  const int fitting = DriversThatFit(bundle, cores, ThisMachine().available_memory_bytes);
  if (fitting < cores) {
    log.Note(fmt::format("{} instead of {} episodes at a time, as there is no memory for more; --threads changes that",
                         fitting, cores));
  }
  return fitting;
}

Result<std::unique_ptr<Driver>> PolicyDriverFactory::Make() const {
  VLAQ_ASSIGN_OR_RETURN(runtime::Executor executor, runtime::OpenExecutor(bundle_, "", backend_, options_));
  VLAQ_ASSIGN_OR_RETURN(runtime::FeatureReader features, runtime::FeatureReader::Make(bundle_.policy));
  return std::unique_ptr<Driver>(new PolicyDriver(space(), camera_, text_, std::move(executor), std::move(features)));
}

}  // namespace vlaq::evaluation
