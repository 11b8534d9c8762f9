#include "evaluation/policy_driver.h"

#include "image/preprocess.h"
#include "prompt/prompt.h"
#include "runtime/policy_runner.h"

namespace vlaq::evaluation {
namespace {

class PolicyDriver : public Driver {
 public:
  PolicyDriver(policy::PolicySpec spec, std::shared_ptr<const tokenizer::Tokenizer> tokenizer,
               image::Preprocessor preprocessor, std::unique_ptr<runtime::PolicyRunner> runner)
      : spec_(std::move(spec)),
        space_{spec_.chunk, spec_.action_dim, spec_.action_scale, spec_.window},
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

}  // namespace

Result<std::unique_ptr<PolicyDriverFactory>> PolicyDriverFactory::Open(bundle::Bundle bundle,
                                                                       const backend::Backend& backend,
                                                                       backend::OpenOptions options,
                                                                       std::filesystem::path tokenizer_file) {
  if (tokenizer_file.empty() && bundle.tokenizer && !bundle.baked_prompt) {
    tokenizer_file = bundle.path / bundle.tokenizer->file;
  }
  std::unique_ptr<PolicyDriverFactory> factory(new PolicyDriverFactory(std::move(bundle), backend, std::move(options)));
  if (!tokenizer_file.empty()) {
    VLAQ_ASSIGN_OR_RETURN(factory->tokenizer_, tokenizer::Tokenizer::Load(tokenizer_file));
  }
  return factory;
}

Result<std::unique_ptr<Driver>> PolicyDriverFactory::Make() const {
  VLAQ_ASSIGN_OR_RETURN(image::Preprocessor preprocessor, image::Preprocessor::Make(bundle_.spec.preprocess));
  VLAQ_ASSIGN_OR_RETURN(auto runner, runtime::OpenStreaming(bundle_, backend_, options_, prompt::Baked(bundle_.spec)));
  return std::unique_ptr<Driver>(
      new PolicyDriver(bundle_.spec, tokenizer_, std::move(preprocessor), std::move(runner)));
}

}  // namespace vlaq::evaluation
