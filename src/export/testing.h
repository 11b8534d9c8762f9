// A small policy as a bundle, for tests of what comes after export.
#pragma once

#include <filesystem>

#include "export/export.h"
#include "families/kosmos2_lstm/testing.h"

namespace vlaq::exporting::testing {

// `policy` is saved into `folder`, with its config.json and policy.json, which Export finds there; its bundle is
// `folder`/bundle. `options` say the rest. Errors: those of Export and bundle::Open.
inline Result<bundle::Bundle> ExportTiny(
    const std::filesystem::path& folder,
    const kosmos2_lstm::testing::TinyPolicy& policy = kosmos2_lstm::testing::TinyPolicy(), ExportOptions options = {}) {
  std::filesystem::create_directories(folder);
  options.checkpoint = policy.Save(folder);
  options.output = folder / "bundle";
  VLAQ_RETURN_IF_ERROR(Export(options, SilentLog()));
  return bundle::Open(options.output);
}

}  // namespace vlaq::exporting::testing
