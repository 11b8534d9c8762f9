#include "check/rule.h"

namespace vlaq::check {
namespace {

std::vector<Check> Joined() {
  std::vector<Check> all;
  for (const auto part : {GraphChecks(), OperatorChecks(), FormChecks(), AttributeChecks(), ShapeChecks(),
                          RecurrentChecks(), QuantizedChecks(), ScaleChecks()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

std::span<const Check> Checks() {
  static const std::vector<Check> all = Joined();
  return all;
}

}  // namespace vlaq::check
