#include "planning/remembered.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/json.h"
#include "quantization/plan_file.h"

namespace vlaq::planning {
namespace {

struct Figure {
  const char* name;
  double Effect::*value;
};
constexpr std::array kFigures{Figure{"mae", &Effect::mae},
                              Figure{"mae_increase", &Effect::mae_increase},
                              Figure{"mae_increase_most", &Effect::mae_increase_most},
                              Figure{"moved_rms", &Effect::moved_rms},
                              Figure{"moved_mean", &Effect::moved_mean},
                              Figure{"moved_most", &Effect::moved_most},
                              Figure{"directions", &Effect::directions}};

// JSON has no infinity and no NaN: they are written as the words that they print as.
Json NumberOrWord(double value) { return std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value)); }

std::optional<double> FromNumberOrWord(const Json* json) {
  constexpr double kUnbounded = std::numeric_limits<double>::infinity();
  if (json == nullptr) return std::nullopt;
  if (json->is_number()) return json->get<double>();
  if (*json == "inf") return kUnbounded;
  if (*json == "-inf") return -kUnbounded;
  if (*json == "nan" || *json == "-nan") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

Json ToJson(const Effect& effect) {
  Json json{{"steps", effect.steps}};
  for (const Figure& figure : kFigures) json[figure.name] = NumberOrWord(effect.*figure.value);
  return json;
}

Result<Effect> EffectFromJson(const Json& json, const std::string& where) {
  if (!json.is_object()) return InputError(where, "needs an object", kDeleteResumeFile);
  const JsonReader reader(json, where);
  Effect effect;
  VLAQ_ASSIGN_OR_RETURN(const auto steps, reader.Integer("steps"));
  effect.steps = steps.value_or(-1);
  if (effect.steps < 0) return InputError(where, "needs \"steps\"", kDeleteResumeFile);
  for (const Figure& figure : kFigures) {
    const auto value = FromNumberOrWord(reader.Find(figure.name));
    if (!value) return InputError(where, fmt::format("needs \"{}\"", figure.name), kDeleteResumeFile);
    effect.*figure.value = *value;
  }
  return effect;
}

class RememberingMeter : public Meter {
 public:
  RememberingMeter(std::unique_ptr<Meter> inner, ResumeFile file, Json key, std::map<std::string, Effect> known)
      : inner_(std::move(inner)), file_(std::move(file)), key_(std::move(key)), known_(std::move(known)) {}

  Result<Effect> Measure(const quantization::Plan& plan, Scope scope) override {
    const std::string name =
        (scope == Scope::kAll ? "all " : "ranking ") + Sha256Hex(AsBytes(quantization::PlanText(plan)));
    if (const auto known = known_.find(name); known != known_.end()) return known->second;
    VLAQ_ASSIGN_OR_RETURN(const Effect effect, inner_->Measure(plan, scope));
    known_.emplace(name, effect);
    Json measured = Json::object();
    for (const auto& [plan_name, its] : known_) measured[plan_name] = ToJson(its);
    VLAQ_RETURN_IF_ERROR(WriteResumeFile(file_, key_, {{"measured", std::move(measured)}}));
    return effect;
  }

 private:
  std::unique_ptr<Meter> inner_;
  ResumeFile file_;
  Json key_;
  std::map<std::string, Effect> known_;  // by scope and the hash of the plan's text
};

}  // namespace

ResumeFile MeasurementsBeside(const std::filesystem::path& output) {
  return {output.string() + ".part", "vlaq.plan.part/1", "plan quantize"};
}

Result<std::unique_ptr<Meter>> Remembering(std::unique_ptr<Meter> inner, ResumeFile file, Json key, Log& log) {
  std::map<std::string, Effect> known;
  VLAQ_ASSIGN_OR_RETURN(const std::optional<Json> json, ReadResumeFile(file, key));
  if (json) {
    const auto measured = json->find("measured");
    if (measured == json->end() || !measured->is_object()) {
      return InputError(file.path.string(), "needs \"measured\"", kDeleteResumeFile);
    }
    for (const auto& [name, effect] : measured->items()) {
      VLAQ_ASSIGN_OR_RETURN(known[name], EffectFromJson(effect, fmt::format("{}: {}", file.path.string(), name)));
    }
    log.Note(fmt::format("going on from {}: {} plans are measured already", file.path.string(), known.size()));
  }
  return std::unique_ptr<Meter>(
      std::make_unique<RememberingMeter>(std::move(inner), std::move(file), std::move(key), std::move(known)));
}

}  // namespace vlaq::planning
