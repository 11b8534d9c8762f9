// A bundle as a driver: preprocessing, prompt, encoder with cached features, head.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "bundle/bundle.h"
#include "evaluation/driver.h"
#include "tokenizer/tokenizer.h"

namespace vlaq::evaluation {

class PolicyDriverFactory : public DriverFactory {
 public:
  // `backend` must outlive the factory and what it makes. `tokenizer_file`: empty for the bundle's own. A bundle
  // without a tokeniser, or with a baked prompt, drives by the prompt of its export, whatever the instruction; see
  // follows_instructions(). Errors: kInput.
  static Result<std::unique_ptr<PolicyDriverFactory>> Open(bundle::Bundle bundle, const backend::Backend& backend,
                                                           backend::OpenOptions options,
                                                           std::filesystem::path tokenizer_file = {});

  Result<std::unique_ptr<Driver>> Make() const override;
  std::string name() const override { return "bundle " + bundle_.path.string(); }
  const bundle::Bundle& bundle() const { return bundle_; }
  bool follows_instructions() const { return tokenizer_ != nullptr; }

 private:
  PolicyDriverFactory(bundle::Bundle bundle, const backend::Backend& backend, backend::OpenOptions options)
      : bundle_(std::move(bundle)), backend_(backend), options_(std::move(options)) {}

  bundle::Bundle bundle_;
  const backend::Backend& backend_;
  backend::OpenOptions options_;
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
};

}  // namespace vlaq::evaluation
