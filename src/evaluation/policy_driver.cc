#include "evaluation/policy_driver.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "base/machine.h"
#include "base/mapped_file.h"
#include "base/parallel.h"
#include "image/preprocess.h"
#include "prompt/prompt.h"
#include "runtime/policy_runner.h"

namespace vlaq::evaluation {
namespace {

ActionSpace SpaceOf(const policy::PolicySpec& spec) {
  return {spec.chunk, spec.action_dim, spec.action_scale, spec.window};
}

class PolicyDriver : public Driver {
 public:
  PolicyDriver(policy::PolicySpec spec, std::shared_ptr<const tokenizer::Tokenizer> tokenizer,
               image::Preprocessor preprocessor, std::unique_ptr<runtime::PolicyRunner> runner)
      : spec_(std::move(spec)),
        space_(SpaceOf(spec_)),
        tokenizer_(std::move(tokenizer)),
        preprocessor_(std::move(preprocessor)),
        runner_(std::move(runner)) {}

  Status Begin(const std::string& instruction) override {
    if (tokenizer_ == nullptr) {
      runner_->Reset();
      return {};
    }
    VLAQ_ASSIGN_OR_RETURN(prompt::Prompt prompt, prompt::FromInstruction(spec_, *tokenizer_, instruction));
    return runner_->SetPrompt(std::move(prompt));
  }

  Result<Tensor> Act(const image::ImageView& frame) override {
    VLAQ_ASSIGN_OR_RETURN(const Tensor pixels, preprocessor_.Run(frame));
    return runner_->Step(pixels);
  }

  Status Forget() override {
    runner_->Reset();
    return {};
  }

  const ActionSpace& space() const override { return space_; }
  std::string Description() const override { return runner_->Description(); }

 private:
  policy::PolicySpec spec_;
  ActionSpace space_;
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
  image::Preprocessor preprocessor_;
  std::unique_ptr<runtime::PolicyRunner> runner_;
};

Result<std::string> HashOfFile(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return Sha256Hex(file->bytes());
}

}  // namespace

Result<std::unique_ptr<PolicyDriverFactory>> PolicyDriverFactory::Open(bundle::Bundle bundle,
                                                                       const backend::Backend& backend,
                                                                       backend::OpenOptions options,
                                                                       std::filesystem::path tokenizer_file) {
  const std::filesystem::path given = tokenizer_file;
  if (tokenizer_file.empty() && bundle.tokenizer && !bundle.baked_prompt) {
    tokenizer_file = bundle.path / bundle.tokenizer->file;
  }
  std::unique_ptr<PolicyDriverFactory> factory(new PolicyDriverFactory(std::move(bundle), backend, std::move(options)));
  factory->tokenizer_file_ = given;
  if (!tokenizer_file.empty()) {
    VLAQ_ASSIGN_OR_RETURN(factory->tokenizer_, tokenizer::Tokenizer::Load(tokenizer_file));
  }
  return factory;
}

ActionSpace PolicyDriverFactory::space() const { return SpaceOf(bundle_.spec); }

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
  VLAQ_ASSIGN_OR_RETURN(image::Preprocessor preprocessor, image::Preprocessor::Make(bundle_.spec.preprocess));
  VLAQ_ASSIGN_OR_RETURN(auto runner, runtime::OpenStreaming(bundle_, backend_, options_, prompt::Baked(bundle_.spec)));
  return std::unique_ptr<Driver>(
      new PolicyDriver(bundle_.spec, tokenizer_, std::move(preprocessor), std::move(runner)));
}

}  // namespace vlaq::evaluation
