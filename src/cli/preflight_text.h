// What `vlaq preflight` prints.
#pragma once

#include <string>

#include "base/json_fwd.h"
#include "preflight/check.h"
#include "preflight/fix.h"

namespace vlaq::cli {

// The rules as a table: Markdown, as it stands in docs/preflight.md.
std::string RuleTable();
Json RulesAsJson();

// By rule: what it says, where it was broken (the first places), what to do. Of a bundle notes, and warnings
// about what vlaq does by design, are counted only, unless `all`.
std::string PreflightText(const preflight::Report& report, const std::string& path, bool all);
Json PreflightJson(const preflight::Report& report, const std::string& path);

// Of --fix: each finding, cured or not; without `all` those alone that were cured, or matter.
std::string FixText(const preflight::Fixed& fixed, const std::string& output, bool all);
// The report of what there was, with "fix" added.
Json FixJson(const preflight::Fixed& fixed, const std::string& path, const std::string& output);

}  // namespace vlaq::cli
