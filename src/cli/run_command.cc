#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "base/hash.h"
#include "base/json.h"
#include "base/statistics.h"
#include "base/text.h"
#include "checkpoint/safetensors_writer.h"
#include "cli/commands.h"
#include "cli/frame_argument.h"
#include "cli/observations.h"
#include "tensor/convert.h"
#include "vlaq/policy.h"

namespace vlaq::cli {
namespace {

struct RunArguments {
  std::filesystem::path bundle, tokenizer, output;
  std::vector<std::string> frames;
  std::string inputs, instruction, prompt_ids, schedule;
  bool has_instruction = false;
  bool force = false, json = false;
  uint64_t seed = 0;
  BackendChoice backend;
};

struct Step {
  std::string frame;
  Outputs outputs;
  double latency_ms = 0;
};

constexpr size_t kShownAxes = 8;  // of an action, in a table

Status Tell(const RunArguments& a, Policy& policy, Log& log) {
  if (!a.prompt_ids.empty()) {
    VLAQ_ASSIGN_OR_RETURN(const std::vector<int64_t> ids, ParseIds(a.prompt_ids, "--prompt-ids"));
    const auto& inputs = policy.inputs();
    const auto text = std::find_if(inputs.begin(), inputs.end(),
                                   [](const Feature& input) { return input.type == FeatureType::kText; });
    const std::string name = text == inputs.end() ? "task" : text->name;
    return policy.ResetTokens({{name + ".input_ids", Tensor::From<int64_t>({static_cast<int64_t>(ids.size())}, ids)}});
  }
  if (!a.has_instruction) return {};
  VLAQ_RETURN_IF_ERROR(policy.Reset(a.instruction));
  if (!policy.task().complaint.empty()) log.Warning(policy.task().complaint);
  return {};
}

const std::string& MainOutput(const Policy& policy) { return policy.outputs().front().name; }

// What tells observations apart.
std::string HashOf(const Observation& observation) {
  std::string hashes;
  for (const auto& [name, tensor] : observation) hashes += Xxh3Hex(tensor.bytes());
  return hashes;
}

// True if the actions are all one although the observations are not: the policy does not see.
bool StandsStill(const std::vector<Step>& steps, const std::string& output, bool inputs_differ) {
  const auto same = [&](const Step& step) {
    return std::ranges::equal(step.outputs.raw.at(output).bytes(), steps.front().outputs.raw.at(output).bytes());
  };
  return inputs_differ && steps.size() > 1 && std::all_of(steps.begin(), steps.end(), same);
}

Result<std::vector<Step>> RunSteps(Policy& policy, const Observations& observations, Log& log) {
  std::vector<Step> steps;
  std::set<std::string> seen;
  for (size_t t = 0; t < observations.size(); ++t) {
    VLAQ_ASSIGN_OR_RETURN(const Observations::Step given, observations.Read(t));
    if (given.begins) policy.Reset();
    const auto start = std::chrono::steady_clock::now();
    auto outputs = policy.Step(given.observation);
    const std::chrono::duration<double, std::milli> latency = std::chrono::steady_clock::now() - start;
    if (!outputs.ok()) return Within(fmt::format("frame {}", given.name), outputs.error());
    if (seen.size() < 2) seen.insert(HashOf(given.observation));
    steps.push_back({given.name, std::move(*outputs), latency.count()});
    log.Progress("frames", t + 1, observations.size());
  }
  if (StandsStill(steps, MainOutput(policy), seen.size() > 1)) {
    log.Warning(fmt::format("all {} actions are the same although the frames differ: the policy does not see them",
                            steps.size()));
  }
  return steps;
}

double MedianMs(const std::vector<Step>& steps) {
  std::vector<double> times;
  for (const Step& step : steps) times.push_back(step.latency_ms);
  return Median(std::move(times));
}

// The rows of a tensor along its last axis, as numbers. Errors: kInput for a type that has none.
Result<std::vector<std::vector<float>>> Rows(const Tensor& tensor) {
  VLAQ_ASSIGN_OR_RETURN(const Tensor floats, ToFloat32(tensor));
  const auto values = floats.data<float>();
  const size_t width = tensor.rank() == 0 ? 1 : static_cast<size_t>(tensor.shape().back());
  std::vector<std::vector<float>> rows;
  for (size_t at = 0; width > 0 && at < values.size(); at += width) {
    rows.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(at),
                      values.begin() + static_cast<std::ptrdiff_t>(at + width));
  }
  return rows;
}

Result<std::vector<float>> FirstRow(const Tensor& tensor) {
  VLAQ_ASSIGN_OR_RETURN(const auto rows, Rows(tensor));
  return rows.empty() ? std::vector<float>() : rows.front();
}

struct Axis {
  std::string name, unit;
};
std::vector<Axis> AxesOf(const Feature& output) {
  const int64_t width = output.shape.empty() ? 1 : output.shape.back();
  std::vector<Axis> axes;
  for (size_t i = 0; i < static_cast<size_t>(std::max<int64_t>(width, 0)); ++i) {
    axes.push_back({output.NameOf(i), output.UnitOf(i)});
  }
  return axes;
}

Json Numbers(const std::vector<float>& values) {
  Json json = Json::array();
  for (const float value : values) json.push_back(static_cast<double>(value));
  return json;
}

Result<Json> AsJson(const RunArguments& a, const Policy& policy, const std::vector<Step>& steps) {
  const std::string& main = MainOutput(policy);
  Json list = Json::array();
  for (size_t t = 0; t < steps.size(); ++t) {
    const Outputs& outputs = steps[t].outputs;
    VLAQ_ASSIGN_OR_RETURN(const auto rows, Rows(outputs.raw.at(main)));
    VLAQ_ASSIGN_OR_RETURN(const std::vector<float> first, FirstRow(outputs.values.at(main)));
    Json action = Json::array();
    for (const auto& row : rows) action.push_back(Numbers(row));
    list.push_back({{"t", t},
                    {"frame", steps[t].frame},
                    {"action", std::move(action)},
                    {"velocity", Numbers(first)},
                    {"latency_ms", steps[t].latency_ms}});
  }
  Json axes = Json::array();
  for (const Axis& axis : AxesOf(policy.outputs().front())) axes.push_back({{"name", axis.name}, {"unit", axis.unit}});
  Json json{{"schema", "vlaq.run/2"},       {"bundle", a.bundle.string()},       {"mode", policy.schedule()},
            {"runs_on", policy.Describe()}, {"prompt_text", policy.task().text}, {"axes", std::move(axes)},
            {"median_ms", MedianMs(steps)}, {"steps", std::move(list)}};
  for (const auto& [name, value] : policy.task().values) {
    const auto numbers = value.data<int64_t>();
    json["task"][name] = std::vector<int64_t>(numbers.begin(), numbers.end());
  }
  return json;
}

// What the policy is told, as far as it can be shown.
std::string PromptText(const Policy& policy) {
  const Policy::Task& task = policy.task();
  if (task.values.empty()) return "none: this policy reads no prompt";
  if (task.text.empty()) {
    return fmt::format("{} token ids, given as numbers", task.values.begin()->second.size());
  }
  return fmt::format("'{}'", Printable(task.text));
}

Status Print(const Policy& policy, const std::vector<Step>& steps, std::ostream& out) {
  const Feature& main = policy.outputs().front();
  std::vector<Axis> axes = AxesOf(main);
  const size_t count = axes.size();
  axes.resize(std::min(count, kShownAxes));
  const bool scaled = std::any_of(axes.begin(), axes.end(), [](const Axis& axis) { return !axis.unit.empty(); });
  std::vector<std::string> header{"t", "frame"};
  for (const Axis& axis : axes) header.push_back(axis.name);
  for (const Axis& axis : axes) {
    if (scaled) header.push_back(axis.name + " " + axis.unit);
  }
  header.emplace_back("ms");
  TextTable table(header);
  for (size_t t = 0; t < steps.size(); ++t) {
    std::vector<std::string> row{std::to_string(t), std::filesystem::path(steps[t].frame).filename().string()};
    VLAQ_ASSIGN_OR_RETURN(std::vector<float> raw, FirstRow(steps[t].outputs.raw.at(main.name)));
    VLAQ_ASSIGN_OR_RETURN(std::vector<float> values, FirstRow(steps[t].outputs.values.at(main.name)));
    raw.resize(axes.size());
    values.resize(axes.size());
    for (const float value : raw) row.push_back(fmt::format("{:+.6f}", value));
    for (const float value : values) {
      if (scaled) row.push_back(fmt::format("{:+.6f}", value));
    }
    row.push_back(fmt::format("{:.1f}", steps[t].latency_ms));
    table.AddRow(std::move(row));
  }
  out << Printable(policy.Describe()) << "\n";
  out << fmt::format("prompt: {}\n\n", PromptText(policy)) << table.ToString();
  out << fmt::format("\n{}, median {:.1f} ms", Counted(steps.size(), "frame"), MedianMs(steps));
  out << (scaled ? "; first as the policy gives them, then in the units named\n" : "\n");
  if (count > axes.size()) out << fmt::format("The first {} of {} values; --json has them all.\n", axes.size(), count);
  if (main.shape.size() == 2 && main.shape[0] > 1) {
    out << fmt::format("\nFirst of {} actions per step; --json prints them all.\n", main.shape[0]);
  }
  return {};
}

// Every output of every step: NAME in its units and raw.NAME as the graph gives it, [T, ...].
Status WriteOutputs(const RunArguments& a, const std::vector<Step>& steps) {
  std::map<std::string, Tensor> tensors;
  const auto stack = [&](const std::string& name, const std::string& prefix, auto which) {
    const Tensor& first = (steps.front().outputs.*which).at(name);
    Shape shape = first.shape();
    shape.insert(shape.begin(), static_cast<int64_t>(steps.size()));
    Tensor all = Tensor::Make(first.dtype(), shape);
    MutableBytes rest = all.mutable_bytes();
    for (const Step& step : steps) {
      const Tensor& one = (step.outputs.*which).at(name);
      if (one.shape() != first.shape()) {
        return Status(InputError(name, fmt::format("is {} in one step and {} in another: they cannot be stacked",
                                                   ShapeText(first.shape()), ShapeText(one.shape()))));
      }
      std::copy(one.bytes().begin(), one.bytes().end(), rest.begin());
      rest = rest.subspan(one.bytes().size());
    }
    tensors.emplace(prefix + name, std::move(all));
    return Status();
  };
  for (const auto& [name, tensor] : steps.front().outputs.values) {
    VLAQ_RETURN_IF_ERROR(stack(name, "", &Outputs::values));
    VLAQ_RETURN_IF_ERROR(stack(name, "raw.", &Outputs::raw));
  }
  return checkpoint::WriteSafetensors(a.output, tensors, WhenExisting(a.force));
}

Status RunWithArguments(const RunArguments& a, Context& context) {
  VLAQ_RETURN_IF_ERROR(a.backend.Check());
  PolicyOptions options = a.backend.ForPolicy();
  options.schedule = a.schedule;
  options.tokenizer = a.tokenizer;
  options.noise_seed = a.seed;
  // What is to be run is looked at before the graphs, which may take long, are opened.
  VLAQ_ASSIGN_OR_RETURN(const PolicyFeatures features, ReadFeatures(a.bundle));
  VLAQ_ASSIGN_OR_RETURN(const Observations observations,
                        Observations::Open(features.inputs, a.frames, a.inputs, context.log));
  VLAQ_ASSIGN_OR_RETURN(Policy policy, Policy::Open(a.bundle, options));
  VLAQ_RETURN_IF_ERROR(Tell(a, policy, context.log));
  VLAQ_ASSIGN_OR_RETURN(const std::vector<Step> steps, RunSteps(policy, observations, context.log));
  if (!a.output.empty()) VLAQ_RETURN_IF_ERROR(WriteOutputs(a, steps));
  if (!a.json) return Print(policy, steps, context.out);
  VLAQ_ASSIGN_OR_RETURN(const Json json, AsJson(a, policy, steps));
  PrintJson(json, context.out);
  return {};
}

}  // namespace

Action AddRun(CLI::App& app, Context& context) {
  auto a = std::make_shared<RunArguments>();
  app.add_option("bundle", a->bundle, "The bundle that `vlaq export` or `vlaq import` made")->required();
  app.add_option("--frames", a->frames, std::string(kFramesHelp) + "; for the policy's camera")->type_name("SRC");
  app.add_option("--inputs", a->inputs, std::string(kInputsHelp))->type_name("FILE[:PREFIX]");
  app.add_option("-o,--output", a->output, "Also write every output to this file, [T, ...] by name")
      ->type_name("FILE.safetensors");
  const std::string group = "Prompt (default: the one given at export)";
  auto* instruction = app.add_option("--instruction", a->instruction, "The instruction to follow")->group(group);
  app.add_option("--tokenizer", a->tokenizer, "SentencePiece model; default: the bundle's own")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--prompt-ids", a->prompt_ids, "Token ids as the policy takes them")
      ->type_name("ID,ID,...")
      ->excludes(instruction)
      ->group(group);
  app.add_option("--schedule", a->schedule, "Schedule of the policy to run; default: the one that policy.json names")
      ->type_name("NAME");
  app.add_option("--seed", a->seed, "Seed of the noise that the policy draws")
      ->type_name("UINT")
      ->capture_default_str();
  AddForceFlag(app, a->force);
  AddJsonFlag(app, a->json);
  a->backend.AddTo(app);
  app.footer(
      "Examples:\n"
      "  vlaq run policy --frames episode/\n"
      "  vlaq run policy --frames golden.safetensors:frames.u8 --json\n"
      "  vlaq run policy --frames a.png b.png --instruction 'go to the bottle'\n"
      "  vlaq run act --inputs observations.safetensors -o actions.safetensors");
  return [a, instruction, &context]() -> Status {
    a->has_instruction = instruction->count() > 0;
    return RunWithArguments(*a, context);
  };
}

}  // namespace vlaq::cli
