#include "target/rules.h"

#include "base/names.h"

namespace vlaq::target {
namespace {

constexpr std::array kSeverities = {Named{Severity::kNote, "note"}, Named{Severity::kWarning, "warning"},
                                    Named{Severity::kError, "error"}};

}  // namespace

std::string_view SeverityName(Severity severity) { return NameIn(kSeverities, severity); }

}  // namespace vlaq::target
