#include "cli/policy_choice.h"

#include <fmt/format.h>

namespace vlaq::cli {

Result<std::unique_ptr<evaluation::PolicyDriverFactory>> OpenPolicy(const std::filesystem::path& path,
                                                                    const std::filesystem::path& tokenizer,
                                                                    const BackendChoice& choice,
                                                                    const backend::Backend& backend) {
  VLAQ_ASSIGN_OR_RETURN(bundle::Bundle bundle, bundle::Open(path));
  backend::OpenOptions options = choice.Options();
  options.threads = 1;
  VLAQ_ASSIGN_OR_RETURN(auto factory,
                        evaluation::PolicyDriverFactory::Open(std::move(bundle), backend, options, tokenizer));
  if (factory->follows_instructions()) return factory;
  return UsageError(fmt::format("{} holds no tokeniser, so it cannot be told where to go", path.string()),
                    "give --tokenizer sentencepiece.bpe.model, or export with it");
}

}  // namespace vlaq::cli
