#include "preflight/rule.h"

namespace vlaq::preflight {
namespace {

std::vector<Rule> Joined() {
  std::vector<Rule> all;
  for (const auto part : {GraphRules(), OperatorRules(), FormRules(), AttributeRules(), ShapeRules(), RecurrentRules(),
                          QuantizedRules(), ScaleRules()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "";
}

std::string AppliesText(const Applies& applies) {
  std::string_view first, last;
  for (const Version& version : Versions()) {
    if (!applies.To(version)) continue;
    if (first.empty()) first = version.name;
    last = version.name;
  }
  if (first == Versions().front().name && last == Versions().back().name) return "all";
  if (first == last) return std::string(first);
  if (last == Versions().back().name) return first == "10.0" ? "10.x" : std::string(first) + " on";
  return std::string(first) + " to " + std::string(last);
}

std::span<const Rule> Rules() {
  static const std::vector<Rule> all = Joined();
  return all;
}

}  // namespace vlaq::preflight
