// policy.json and weights.json as text. Used by bundle.cc only.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bundle/bundle.h"

namespace vlaq::bundle {

bool LooksLikeManifest(const std::filesystem::path& path);
// True if it is JSON without a schema: what export reads, not what it writes.
bool IsSettings(const std::filesystem::path& path);
// Errors: kInput naming the key. Does not look at the files that it names, except that their names stay in the folder.
Result<Bundle> ReadManifest(const std::filesystem::path& path);
// Errors: kInternal for a policy whose graphs are not the bundle's files; those of policy::Validate.
Result<std::string> ManifestText(const Bundle& bundle);
Result<std::vector<WeightRecord>> ReadWeightManifest(const std::filesystem::path& path);
std::string WeightManifestText(const std::vector<WeightRecord>& weights);

}  // namespace vlaq::bundle
