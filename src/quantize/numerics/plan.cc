#include "quantize/numerics/plan.h"

#include <algorithm>
#include <array>

#include "base/names.h"

namespace vlaq::numerics {
namespace {

constexpr std::array kForms = {
    Named{Form::kFloat, "float"},
    Named{Form::kHalf, "half"},
    Named{Form::kStaticInt8, "static_int8"},
    Named{Form::kDynamicInt8, "dynamic_int8"},
    Named{Form::kWeightOnly, "weight_only"},
};

}  // namespace

std::string_view FormName(Form form) { return NameIn(kForms, form); }
std::optional<Form> FindForm(std::string_view name) { return FindIn(kForms, name); }
std::vector<std::string> FormNames() { return NamesIn(kForms); }

bool CorrectsBias(const OperatorChoice& choice) {
  return choice.op_type == "MatMul" && choice.form != Form::kFloat && choice.weights.size() == 1 &&
         BitsOf(choice.weights[0].number) <= 8;
}

const OperatorChoice* Plan::Find(std::string_view node) const {
  const auto found =
      std::find_if(operators.begin(), operators.end(), [&](const auto& row) { return row.node == node; });
  return found == operators.end() ? nullptr : &*found;
}

const ChannelMeans* Plan::FindMeans(std::string_view value) const {
  const auto found = std::ranges::find(means, value, &ChannelMeans::value);
  return found == means.end() ? nullptr : &*found;
}

bool Plan::NeedsStatistics() const {
  const bool factors = std::ranges::any_of(smooth, [](const SmoothChoice& choice) { return choice.factors.empty(); });
  return factors || (bias_correction && means.empty() && std::ranges::any_of(operators, CorrectsBias));
}

}  // namespace vlaq::numerics
