// The document of results.h. Units stand in the names; what is not known is null.
#include <cmath>

#include "base/json.h"
#include "bench/harness/results.h"

namespace vlaq::harness {
namespace {

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
Json Finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json AsJson(const Made& made) {
  return {{"vlaq", made.vlaq},
          {"revision", made.revision},
          {"compiler", made.compiler},
          {"build_type", made.build_type},
          {"assertions", made.assertions},
          {"time_utc", made.time_utc},
          {"command", made.command}};
}

Json AsJson(const Reading& r) {
  return {{"at_ns", r.at_ns},
          {"load", r.load},
          {"temperature_c", OrNull(r.temperature_c)},
          {"clock_mhz", OrNull(r.clock_mhz)},
          {"energy_j", OrNull(r.energy_j)},
          {"power_w", OrNull(r.power_w)},
          {"throttles", OrNull(r.throttles)},
          {"quota_stops", OrNull(r.quota_stops)}};
}

Json AsJson(const MachineState& m) {
  Json readings = Json::array();
  for (const Reading& reading : m.readings) readings.push_back(AsJson(reading));
  return {{"cpu", m.cpu},
          {"architecture", m.architecture},
          {"features", m.features},
          {"cores", m.cores},
          {"threads", m.threads},
          {"memory_bytes", m.memory_bytes},
          {"kernel", m.kernel},
          {"governor", OrNull(m.governor)},
          {"boost", OrNull(m.boost)},
          {"cpu_quota", OrNull(m.cpu_quota)},
          {"other_load", m.other_load},
          {"throttled", OrNull(m.throttled)},
          {"readings", std::move(readings)}};
}

Json AsJson(const Settings& s) {
  const bool control = s.protocol == Protocol::kControl;
  return {{"protocol", ProtocolName(s.protocol)},
          {"span", s.span},
          {"threads", s.threads},
          {"batch", s.batch},
          {"window", s.window},
          {"seed", s.seed},
          {"warm_up", {{"runs", s.warm_up_runs}, {"ns", s.warm_up_ns}}},
          {"least_ns", s.least_ns},
          {"budget_ns", s.budget_ns},
          {"published_runs", s.published_runs},
          {"percentiles", s.percentiles},
          {"percentiles_given", s.percentiles_given},
          {"confidence", s.confidence},
          {"period_ns", control ? Json(s.period_ns) : Json(nullptr)},
          {"duration_ns", control ? Json(s.duration_ns) : Json(nullptr)},
          {"block_ns", s.block_ns},
          {"settle_ns", s.settle_ns},
          {"action_unit", s.action_unit},
          {"max_difference", s.max_difference},
          {"max_difference_given", s.difference_given},
          {"inputs", {{"what", s.inputs}, {"frames", s.frames}, {"sha256", s.inputs_sha256}}}};
}

Json AsJson(const Samples& s) {
  Json json = {
      {"round", s.round}, {"input", s.input}, {"start_ns", s.start_ns}, {"wall_ns", s.wall_ns}, {"cpu_ns", s.cpu_ns}};
  if (!s.late_ns.empty()) {
    json["late_ns"] = s.late_ns;
    json["frame"] = s.frame;
    json["frames_due"] = s.frames_due;
    json["span_ns"] = s.span_ns;
  }
  return json;
}

Json AsJson(const Answers& a) { return {{"steps", a.steps}, {"reported_ns", a.reported_ns}, {"wall_ns", a.wall_ns}}; }

Json AsJson(const Summary& s) {
  Json percentiles = Json::array();
  for (const Percentile& p : s.percentiles) {
    percentiles.push_back({{"p", 100 * p.p},
                           {"ns", p.ns},
                           {"safe_ns", OrNull(p.safe_ns)},
                           {"reason", p.reason.empty() ? Json(nullptr) : Json(p.reason)}});
  }
  Json deadline = nullptr;
  if (s.deadlines) {
    deadline = {{"period_ns", s.deadlines->period_ns},
                {"missed", s.deadlines->missed},
                {"of", s.deadlines->of},
                {"dropped", s.deadlines->dropped},
                {"late_most_ns", s.deadlines->latest_ns},
                {"jitter_ns", s.deadlines->jitter_ns}};
  }
  return {{"n", s.n},
          {"min_ns", s.min_ns},
          {"median_ns", s.median_ns},
          {"mean_ns", s.mean_ns},
          {"stddev_ns", s.stddev_ns},
          {"cv", s.variation},
          {"percentiles", std::move(percentiles)},
          {"throughput_per_s", Finite(s.throughput_per_s)},
          {"cpu_ns_per_run", s.cpu_ns_per_run},
          {"energy_j_per_run", OrNull(s.energy_j_per_run)},
          {"deadline", std::move(deadline)}};
}

Json AsJson(const Verdict& verdict) {
  Json findings = Json::array();
  for (const Finding& f : verdict.findings) {
    findings.push_back({{"check", f.check},
                        {"state", StateName(f.state)},
                        {"value", Finite(f.value)},
                        {"limit", Finite(f.limit)},
                        {"advice", f.advice}});
  }
  return {{"state", StateName(verdict.state())}, {"findings", std::move(findings)}};
}

Json AsJson(const std::vector<OperatorTime>& operators) {
  if (operators.empty()) return nullptr;
  double all = 0;
  for (const OperatorTime& op : operators) all += static_cast<double>(op.ns);
  Json list = Json::array();
  for (const OperatorTime& op : operators) {
    list.push_back({{"op_type", op.op_type},
                    {"precision", op.precision},
                    {"calls", op.calls},
                    {"ns", op.ns},
                    {"share", all == 0 ? 0 : static_cast<double>(op.ns) / all},
                    {"macs", op.macs}});
  }
  return list;
}

Json AsJson(const SubjectResult& s) {
  Json files = Json::array();
  for (const FileOf& file : s.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  Json json = {{"name", s.name},
               {"spec", s.spec},
               {"kind", s.kind},
               {"mode", s.mode},
               {"path", s.path},
               {"files", std::move(files)},
               {"size_bytes", s.size_bytes},
               {"precision", s.ready.precision},
               {"parameters", OrNull(s.ready.parameters)},
               {"identity", OrNull(s.identity)},
               {"runs_on", s.ready.runs_on},
               {"effective", {{"threads", s.ready.threads}}},
               {"load_ns", s.ready.load_ns},
               {"first_run_ns", s.first_run_ns},
               {"memory",
                {{"peak_bytes", s.memory.peak_bytes},
                 {"steady_bytes", s.memory.resident_bytes},
                 {"own_bytes", s.memory.own_bytes}}},
               {"warm_up", {{"runs", s.warm_up_runs}, {"ns", s.warm_up_ns}}},
               {"samples", AsJson(s.samples)},
               {"answers", AsJson(s.answers)},
               {"summary", AsJson(s.summary)}};
  json["outputs"] = !s.outputs
                        ? Json(nullptr)
                        : Json{{"against", s.outputs->against},         {"rms", Finite(s.outputs->rms)},
                               {"largest", Finite(s.outputs->largest)}, {"steps", s.outputs->steps},
                               {"spread", Finite(s.outputs->spread)},   {"residual", Finite(s.outputs->residual)}};
  if (s.outputs && !s.outputs->others.empty()) {
    Json others = Json::object();
    for (const auto& [name, largest] : s.outputs->others) others[name] = {{"largest", Finite(largest)}};
    json["outputs"]["others"] = std::move(others);
  }
  json["quality"] = !s.quality ? Json(nullptr)
                               : Json{{"mae", s.quality->mae},
                                      {"unit", s.quality->unit},
                                      {"steps", s.quality->steps},
                                      {"from", s.quality->from}};
  json["operators"] = AsJson(s.operators);
  json["roofline"] = !s.roofline ? Json(nullptr)
                                 : Json{{"macs", s.roofline->macs},
                                        {"bytes", s.roofline->bytes},
                                        {"limit_ns", Finite(s.roofline->limit_ns)},
                                        {"bound", s.roofline->memory_bound ? "memory" : "compute"},
                                        {"fraction_of_limit", Finite(s.roofline->fraction_of_limit)}};
  json["verdict"] = AsJson(s.verdict);
  return json;
}

Json AsJson(const Comparison& c) {
  return {{"first", c.first},
          {"second", c.second},
          {"ratio", {{"median", Finite(c.ratio)}, {"low", Finite(c.interval.low)}, {"high", Finite(c.interval.high)}}},
          {"rounds", c.rounds},
          {"noise_floor", Finite(c.noise_floor)},
          {"verdict", c.verdict}};
}

Json AsJson(const Sweep& sweep) {
  Json points = Json::array();
  for (const SweepPoint& p : sweep.points) {
    points.push_back({{"value", p.value},
                      {"median_ns", p.median_ns},
                      {"n", p.n},
                      {"per_item_ns", p.per_item_ns},
                      {"state", StateName(p.state)}});
  }
  return {{"axis", sweep.axis}, {"subject", sweep.subject}, {"points", std::move(points)}};
}

template <typename T>
Json List(const std::vector<T>& items) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(AsJson(item));
  return list;
}

}  // namespace

Json ToJson(const Results& r) {
  Json peaks = nullptr;
  if (r.peaks) {
    peaks = {
        {"threads", r.peaks->threads},
        {"fp32_macs_per_s", r.peaks->fp32.macs_per_s},
        {"bf16_macs_per_s", r.peaks->bf16.macs_per_s},
        {"int8_macs_per_s", r.peaks->int8.macs_per_s},
        {"kernels", {{"fp32", r.peaks->fp32.kernel}, {"bf16", r.peaks->bf16.kernel}, {"int8", r.peaks->int8.kernel}}},
        {"bytes_per_s", r.peaks->bytes_per_s},
        {"streams", r.peaks->streams},
        {"other_load", r.peaks->other_load}};
  }
  return {{"schema", kResultsSchema},
          {"made", AsJson(r.made)},
          {"machine", AsJson(r.machine)},
          {"settings", AsJson(r.settings)},
          {"subjects", List(r.subjects)},
          {"comparisons", List(r.comparisons)},
          {"harness", {{"call_ns", r.harness.call_ns}, {"message_ns", r.harness.message_ns}}},
          {"peaks", std::move(peaks)},
          {"sweeps", List(r.sweeps)}};
}

}  // namespace vlaq::harness
