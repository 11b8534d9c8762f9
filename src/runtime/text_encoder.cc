#include "runtime/text_encoder.h"

#include "families/family.h"

namespace vlaq::runtime {

Result<std::unique_ptr<TextEncoder>> OpenTextEncoder(const bundle::Bundle& bundle,
                                                     const std::filesystem::path& tokenizer) {
  const policy::Input* text = policy::TextInput(bundle.policy);
  if (text == nullptr) return std::unique_ptr<TextEncoder>();
  const families::Family* family = families::FindOrNull(bundle.policy.family);
  if (family == nullptr) return families::NoTextEncoder(*text, bundle.policy.family, bundle.path.string());
  std::filesystem::path path = tokenizer;
  if (path.empty() && bundle.tokenizer) path = bundle.path / bundle.tokenizer->file;
  auto opened = family->OpenTextEncoder(bundle.policy, *text, path);
  if (!opened.ok()) return Within(bundle.path.string(), opened.error());
  return opened;
}

}  // namespace vlaq::runtime
