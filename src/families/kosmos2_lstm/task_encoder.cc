// An instruction as the encoder's input_ids and attention_mask.
#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "families/kosmos2_lstm/kosmos2_lstm.h"
#include "families/kosmos2_lstm/policy_of.h"
#include "families/kosmos2_lstm/prompt.h"
#include "tokenizer/tokenizer.h"

namespace vlaq::kosmos2_lstm {
namespace {

using families::EncodedTask;

class TaskEncoder : public families::TextEncoder {
 public:
  TaskEncoder(std::string input, PolicySpec spec, std::filesystem::path tokenizer)
      : input_(std::move(input)), spec_(std::move(spec)), path_(std::move(tokenizer)) {
    exported_ = Encoded(prompt::Baked(spec_));
  }

  const EncodedTask& Exported() const override { return exported_; }
  bool can_encode() const override { return !path_.empty(); }

  Status Load() const override {
    if (path_.empty()) return {};
    VLAQ_RETURN_IF_ERROR(Tokenizer());
    return {};
  }

  Result<EncodedTask> Encode(std::string_view task) const override {
    if (path_.empty()) {
      return UsageError("an instruction needs a tokenizer, and the bundle holds none",
                        "name the tokenizer that the policy was trained with (--tokenizer), or export with it");
    }
    VLAQ_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer());
    VLAQ_ASSIGN_OR_RETURN(const prompt::Prompt prompt, prompt::FromInstruction(spec_, *tokenizer, task));
    EncodedTask encoded = Encoded(prompt);
    encoded.complaint = prompt::Complaint(prompt);
    return encoded;
  }

  Result<EncodedTask> Complete(const std::map<std::string, Tensor>& values) const override {
    const std::string ids_name = input_ + ".input_ids";
    const auto ids = values.find(ids_name);
    const bool alone = values.size() == 1 && ids != values.end();
    if (!alone || ids->second.dtype() != DType::kI64 || ids->second.rank() != 1) {
      return UsageError(
          fmt::format("'{}' is to be given, int64 [tokens], and nothing else: the rest follows", ids_name));
    }
    const auto numbers = ids->second.data<int64_t>();
    VLAQ_ASSIGN_OR_RETURN(const prompt::Prompt prompt, prompt::FromIds(spec_, {numbers.begin(), numbers.end()}));
    return Encoded(prompt);
  }

 private:
  // Read when it is first needed: most runs keep the instruction of the export.
  Result<std::shared_ptr<const tokenizer::Tokenizer>> Tokenizer() const {
    const std::lock_guard lock(mutex_);
    if (tokenizer_ == nullptr) {
      VLAQ_ASSIGN_OR_RETURN(tokenizer_, tokenizer::Tokenizer::Load(path_));
    }
    return tokenizer_;
  }

  EncodedTask Encoded(const prompt::Prompt& prompt) const {
    const auto row = [](const std::vector<int64_t>& numbers) {
      return Tensor::From<int64_t>({static_cast<int64_t>(numbers.size())}, numbers);
    };
    return {
        prompt.text, {{input_ + ".input_ids", row(prompt.ids)}, {input_ + ".attention_mask", row(prompt.mask)}}, ""};
  }

  std::string input_;
  PolicySpec spec_;
  std::filesystem::path path_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
  EncodedTask exported_;
};

}  // namespace

Result<std::unique_ptr<families::TextEncoder>> Kosmos2Lstm::OpenTextEncoder(
    const policy::Policy& policy, const policy::Input& input, const std::filesystem::path& tokenizer) const {
  VLAQ_ASSIGN_OR_RETURN(PolicySpec spec, SettingsOf(policy, "policy"));
  return std::unique_ptr<families::TextEncoder>(std::make_unique<TaskEncoder>(input.name, std::move(spec), tokenizer));
}

}  // namespace vlaq::kosmos2_lstm
