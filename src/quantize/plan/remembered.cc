#include "quantize/plan/remembered.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/json_field.h"
#include "quantize/numerics/plan_file.h"

namespace vlaq::plan {
namespace {

struct Figure {
  const char* name;
  double ActionError::*value;
};
constexpr std::array kFigures{Figure{"mae", &ActionError::mae},
                              Figure{"mae_increase", &ActionError::mae_increase},
                              Figure{"mae_increase_most", &ActionError::mae_increase_most},
                              Figure{"moved_rms", &ActionError::moved_rms},
                              Figure{"moved_mean", &ActionError::moved_mean},
                              Figure{"moved_most", &ActionError::moved_most},
                              Figure{"directions", &ActionError::directions}};

// JSON has no infinity and no NaN: they are written as the words that they print as.
Json NumberOrWord(double value) { return std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value)); }

double ReadNumberOrWord(const JsonField& field) {
  constexpr double kUnbounded = std::numeric_limits<double>::infinity();
  if (!field.IsText()) return field.Number();
  const std::string word = field.Text();
  if (word == "inf") return kUnbounded;
  if (word == "-inf") return -kUnbounded;
  if (word != "nan" && word != "-nan") field.Fail("must be a number");
  return std::numeric_limits<double>::quiet_NaN();
}

Json ToJson(const ActionError& effect) {
  Json json{{"steps", effect.steps}};
  for (const Figure& figure : kFigures) json[figure.name] = NumberOrWord(effect.*figure.value);
  return json;
}

ActionError ReadEffect(const JsonField& field) {
  ActionError effect;
  effect.steps = field["steps"].Integer(0);
  for (const Figure& figure : kFigures) effect.*figure.value = ReadNumberOrWord(field[figure.name]);
  return effect;
}

class RememberingEvaluator : public SensitivityEvaluator {
 public:
  RememberingEvaluator(std::unique_ptr<SensitivityEvaluator> inner, ResumeFile file, Json key,
                       std::map<std::string, ActionError> known)
      : inner_(std::move(inner)), file_(std::move(file)), key_(std::move(key)), known_(std::move(known)) {}

  Result<ActionError> Measure(const numerics::Plan& plan, Scope scope) override {
    const std::string name =
        (scope == Scope::kAll ? "all " : "ranking ") + Sha256Hex(AsBytes(numerics::PlanText(plan)));
    if (const auto known = known_.find(name); known != known_.end()) return known->second;
    VLAQ_ASSIGN_OR_RETURN(const ActionError effect, inner_->Measure(plan, scope));
    known_.emplace(name, effect);
    Json measured = Json::object();
    for (const auto& [plan_name, its] : known_) measured[plan_name] = ToJson(its);
    VLAQ_RETURN_IF_ERROR(WriteResumeFile(file_, key_, {{"measured", std::move(measured)}}));
    return effect;
  }

 private:
  std::unique_ptr<SensitivityEvaluator> inner_;
  ResumeFile file_;
  Json key_;
  std::map<std::string, ActionError> known_;  // by scope and the hash of the plan's text
};

}  // namespace

ResumeFile MeasurementsBeside(const std::filesystem::path& output) {
  return {output.string() + ".part", "vlaq.plan.part/1", "plan quantize"};
}

Result<std::unique_ptr<SensitivityEvaluator>> Remembering(std::unique_ptr<SensitivityEvaluator> inner, ResumeFile file,
                                                          Json key, Log& log) {
  std::map<std::string, ActionError> known;
  VLAQ_ASSIGN_OR_RETURN(const std::optional<Json> json, ReadResumeFile(file, key));
  if (json) {
    const JsonField root(*json, file.path.string(), std::string(kDeleteResumeFile));
    for (const auto& [name, effect] : root["measured"].Members()) known[name] = ReadEffect(effect);
    VLAQ_RETURN_IF_ERROR(root.status());
    log.Note(fmt::format("going on from {}: {} plans are measured already", file.path.string(), known.size()));
  }
  return std::unique_ptr<SensitivityEvaluator>(
      std::make_unique<RememberingEvaluator>(std::move(inner), std::move(file), std::move(key), std::move(known)));
}

}  // namespace vlaq::plan
