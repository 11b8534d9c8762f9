// What `vlaq check` prints.
#pragma once

#include <string>

#include "base/json_fwd.h"
#include "check/check.h"
#include "check/fix.h"

namespace vlaq::cli {

// The rules as a table: Markdown, as it stands in docs/check.md.
std::string RuleTable();
Json RulesAsJson();

// By rule: what it says, where it was broken (the first places), what to do. Of a bundle notes, and warnings
// about what vlaq does by design, are counted only, unless `all`.
std::string CheckText(const check::Report& report, const std::string& path, bool all);
Json CheckJson(const check::Report& report, const std::string& path);

// What --fix did: each finding, fixed or not; without `all` those alone that were fixed, or matter.
std::string FixText(const check::Fixed& fixed, const std::string& output, bool all);
// The report of what there was, with "fix" added.
Json FixJson(const check::Fixed& fixed, const std::string& path, const std::string& output);

}  // namespace vlaq::cli
