// Execution providers beside the CPU's, as data: what to install, which options each is opened with; and where the
// nodes of a session really went. Private to this module.
//
// In scope: options as text, the session's log as text. Not aware of: ORT's types. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/backend.h"

namespace vlaq::backend {

using KeyValues = std::vector<std::pair<std::string, std::string>>;

// The keys and values to open a provider with: vlaq's own choice for the model's precision and the cache, then the
// user's. `minor`: of the library's version, 1.<minor>. Errors: kUsage for a key that the provider does not know, or
// that this library is too old for.
Result<KeyValues> OptionsFor(std::string_view provider, const OpenOptions& options, int minor);

// What to do where the library has no such provider.
std::string HowToGet(std::string_view provider);

// The error of a provider that is there but whose own libraries are not, out of the words that the system's loader
// ended with; nothing if they say anything else.
std::optional<Error> MissingLibrary(std::string_view words, const std::string& where);

// The nodes that one provider got.
struct Placement {
  std::string provider;  // as OpenOptions::provider spells them
  size_t count = 0;
  std::vector<std::string> nodes;  // "MatMul (a/MatMul)"; empty if it has them all
};
// From the lines that a session logs while it opens, at its most talkative. Empty: they do not say.
std::vector<Placement> ReadPlacements(const std::vector<std::string>& log);

// Whether every node is on `wanted` or where `also` lets it be. Errors: kBackend naming the nodes that are not; also if
// nothing is known.
Status CheckPlacements(const std::vector<Placement>& placements, const std::string& wanted,
                       const std::vector<std::string>& fallback_providers, const std::string& where);

// "tensorrt 1 node, cuda 3 nodes"
std::string PlacementText(const std::vector<Placement>& placements);

// Providers that `also` names, without operators; "cpu" is none that has to be appended.
std::vector<std::string> FurtherProviders(const std::vector<std::string>& fallback_providers);
bool AllowsCpu(const std::vector<std::string>& fallback_providers);

}  // namespace vlaq::backend
