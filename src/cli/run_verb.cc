#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "bundle/bundle.h"
#include "cli/frame_argument.h"
#include "cli/verbs.h"
#include "evaluation/score.h"
#include "image/preprocess.h"
#include "prompt/prompt.h"
#include "runtime/policy_runner.h"

namespace vlaq::cli {
namespace {

struct RunArguments {
  std::filesystem::path bundle, tokenizer;
  std::vector<std::string> frames;
  std::string instruction, prompt_ids;
  bool has_instruction = false;
  bool whole_graph = false;
  bool json = false;
  BackendChoice backend;
};

struct Step {
  std::string frame;
  Tensor action;  // [chunk, action_dim]
  double latency_ms = 0;
};

// The prompt for this run: the one baked in at export, or another for the encoder's inputs.
Result<prompt::Prompt> PromptFor(const RunArguments& a, const bundle::Bundle& bundle, Log& log) {
  const bool asked = a.has_instruction || !a.prompt_ids.empty();
  if (!asked) return prompt::Baked(bundle.spec);
  if (a.whole_graph || bundle.baked_prompt) {
    return UsageError(
        a.whole_graph ? "the whole-policy graph has its prompt baked in" : "the encoder's prompt is baked in",
        a.whole_graph ? "leave out --whole-graph, or export again with this prompt" : "export again");
  }
  if (!a.prompt_ids.empty()) {
    VLAQ_ASSIGN_OR_RETURN(std::vector<int64_t> ids, ParseIds(a.prompt_ids, "--prompt-ids"));
    return prompt::FromIds(bundle.spec, std::move(ids));
  }
  std::filesystem::path path = a.tokenizer;
  if (path.empty() && bundle.tokenizer) path = bundle.path / bundle.tokenizer->file;
  if (path.empty()) {
    return UsageError("--instruction needs a tokeniser, and the bundle holds none",
                      "give --tokenizer sentencepiece.bpe.model, or export with it");
  }
  VLAQ_ASSIGN_OR_RETURN(const auto tokenizer, tokenizer::Tokenizer::Load(path));
  VLAQ_ASSIGN_OR_RETURN(prompt::Prompt prompt, prompt::FromInstruction(bundle.spec, *tokenizer, a.instruction));
  if (const std::string complaint = prompt::Complaint(prompt); !complaint.empty()) log.Warning(complaint);
  return prompt;
}

// True if the actions are all one although the frames are not: the policy does not see.
bool StandsStill(const std::vector<Step>& steps, bool frames_differ) {
  const auto same = [&](const Step& step) {
    return std::ranges::equal(step.action.bytes(), steps.front().action.bytes());
  };
  return frames_differ && steps.size() > 1 && std::all_of(steps.begin(), steps.end(), same);
}

Result<std::vector<Step>> RunSteps(runtime::PolicyRunner& runner, const image::FrameSource& frames,
                                   image::Preprocessor& preprocessor, Log& log) {
  std::vector<Step> steps;
  std::set<std::string> seen;  // hashes of the model's inputs
  for (size_t t = 0; t < frames.size(); ++t) {
    VLAQ_ASSIGN_OR_RETURN(const image::Frame frame, frames.Read(t));
    if (frames.Begins(t)) runner.Reset();
    const auto start = std::chrono::steady_clock::now();
    VLAQ_ASSIGN_OR_RETURN(const Tensor pixels, preprocessor.Run(frame.pixels));
    auto stepped = runner.Step(pixels);
    if (!stepped.ok()) return Within(fmt::format("frame {}", frame.name), stepped.error());
    const std::chrono::duration<double, std::milli> latency = std::chrono::steady_clock::now() - start;
    if (seen.size() < 2) seen.insert(Xxh3Hex(pixels.bytes()));
    steps.push_back({frame.name, std::move(*stepped), latency.count()});
    log.Progress("frames", t + 1, frames.size());
  }
  if (StandsStill(steps, seen.size() > 1)) {
    log.Warning(fmt::format("all {} actions are the same although the frames differ: the policy does not see them",
                            steps.size()));
  }
  return steps;
}

// As `vlaq eval` names them: an action has linear_x, linear_y and perhaps angular_z.
struct Axis {
  std::string name, unit;
};
std::vector<Axis> AxesOf(const policy::PolicySpec& spec) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < static_cast<size_t>(spec.action_dim); ++i) {
    const bool known = static_cast<size_t>(spec.action_dim) <= evaluation::kMaxAxes;
    axes.push_back({known ? std::string(evaluation::kAxisNames[i]) : fmt::format("action[{}]", i),
                    !known                                             ? ""
                    : evaluation::kAxisNames[i].starts_with("angular") ? "rad/s"
                                                                       : "m/s"});
  }
  return axes;
}

double MedianMs(const std::vector<Step>& steps) {
  std::vector<double> times;
  for (const Step& step : steps) times.push_back(step.latency_ms);
  std::sort(times.begin(), times.end());
  return (times[(times.size() - 1) / 2] + times[times.size() / 2]) / 2;
}

// [chunk][action_dim]
std::vector<std::vector<float>> Rows(const Tensor& action) {
  const auto values = action.data<float>();
  const auto width = static_cast<size_t>(action.shape()[1]);
  std::vector<std::vector<float>> rows;
  for (size_t at = 0; at < values.size(); at += width) {
    rows.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(at),
                      values.begin() + static_cast<std::ptrdiff_t>(at + width));
  }
  return rows;
}

// The first action of a chunk, which is the one that is driven.
std::vector<float> FirstAction(const Tensor& action) { return Rows(action).front(); }

// What the wheels get: the first action in the policy's units.
std::vector<double> Velocity(const Tensor& action, double scale) {
  std::vector<double> velocity;
  for (const float value : FirstAction(action)) velocity.push_back(scale * static_cast<double>(value));
  return velocity;
}

Json AsJson(const RunArguments& a, const bundle::Bundle& bundle, const prompt::Prompt& prompt,
            const runtime::PolicyRunner& runner, const std::vector<Step>& steps) {
  Json list = Json::array();
  for (size_t t = 0; t < steps.size(); ++t) {
    list.push_back({{"t", t},
                    {"frame", steps[t].frame},
                    {"action", Rows(steps[t].action)},
                    {"velocity", Velocity(steps[t].action, bundle.spec.action_scale)},
                    {"latency_ms", steps[t].latency_ms}});
  }
  Json axes = Json::array();
  for (const Axis& axis : AxesOf(bundle.spec)) axes.push_back({{"name", axis.name}, {"unit", axis.unit}});
  return {{"schema", "vlaq.run/1"},
          {"bundle", bundle.path.string()},
          {"mode", a.whole_graph ? "whole" : "streaming"},
          {"runs_on", runner.Description()},
          {"prompt_ids", prompt.ids},
          {"prompt_text", prompt.text},
          {"action_scale", bundle.spec.action_scale},
          {"axes", std::move(axes)},
          {"median_ms", MedianMs(steps)},
          {"steps", std::move(list)}};
}

// What the policy is told, as far as it can be shown.
std::string PromptText(const prompt::Prompt& prompt, const policy::PolicySpec& spec) {
  if (spec.feature_source == policy::FeatureSource::kPooler) return "none: this policy reads no prompt";
  if (prompt.text.empty()) return fmt::format("{} token ids, given as numbers", prompt.ids.size());
  return fmt::format("'{}'", Printable(prompt.text));
}

void Print(const bundle::Bundle& bundle, const runtime::PolicyRunner& runner, const prompt::Prompt& prompt,
           const std::vector<Step>& steps, std::ostream& out) {
  out << Printable(runner.Description()) << "\n";
  out << fmt::format("prompt: {}\n\n", PromptText(prompt, bundle.spec));
  const std::vector<Axis> axes = AxesOf(bundle.spec);
  std::vector<std::string> header{"t", "frame"};
  for (const Axis& axis : axes) header.push_back(axis.name);
  for (const Axis& axis : axes) header.push_back(axis.name + " " + (axis.unit.empty() ? "scaled" : axis.unit));
  header.emplace_back("ms");
  TextTable table(header);
  for (size_t t = 0; t < steps.size(); ++t) {
    std::vector<std::string> row{std::to_string(t), std::filesystem::path(steps[t].frame).filename().string()};
    const std::vector<float> action = FirstAction(steps[t].action);
    const std::vector<double> velocity = Velocity(steps[t].action, bundle.spec.action_scale);
    for (const float value : action) row.push_back(fmt::format("{:+.6f}", value));
    for (const double value : velocity) row.push_back(fmt::format("{:+.6f}", value));
    row.push_back(fmt::format("{:.1f}", steps[t].latency_ms));
    table.AddRow(std::move(row));
  }
  out << table.ToString();
  out << fmt::format("\n{} frames, median {:.1f} ms; actions in [-1, 1], velocity = {} x action\n", steps.size(),
                     MedianMs(steps), bundle.spec.action_scale);
  if (bundle.spec.chunk > 1) {
    out << fmt::format("\nFirst of {} actions per step; --json prints them all.\n", bundle.spec.chunk);
  }
}

Status RunVerb(const RunArguments& a, Context& context) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(a.bundle));
  VLAQ_ASSIGN_OR_RETURN(const auto frames, OpenFrames(a.frames, context.log));
  VLAQ_ASSIGN_OR_RETURN(const prompt::Prompt prompt, PromptFor(a, bundle, context.log));
  VLAQ_ASSIGN_OR_RETURN(image::Preprocessor preprocessor, image::Preprocessor::Make(bundle.spec.preprocess));
  VLAQ_ASSIGN_OR_RETURN(const auto backend, a.backend.Make());
  VLAQ_ASSIGN_OR_RETURN(const auto runner, a.whole_graph
                                               ? runtime::OpenWhole(bundle, *backend, a.backend.Options())
                                               : runtime::OpenStreaming(bundle, *backend, a.backend.Options(), prompt));
  VLAQ_ASSIGN_OR_RETURN(const std::vector<Step> steps, RunSteps(*runner, *frames, preprocessor, context.log));
  if (a.json) {
    PrintJson(AsJson(a, bundle, prompt, *runner, steps), context.out);
  } else {
    Print(bundle, *runner, prompt, steps, context.out);
  }
  return {};
}

}  // namespace

Action AddRun(CLI::App& app, Context& context) {
  auto a = std::make_shared<RunArguments>();
  app.add_option("bundle", a->bundle, "The bundle that `vlaq export` made")->required();
  app.add_option("--frames", a->frames, std::string(kFramesHelp))->type_name("SRC")->required();
  const std::string group = "Prompt (default: the one given at export)";
  auto* instruction = app.add_option("--instruction", a->instruction, "The instruction to follow")->group(group);
  app.add_option("--tokenizer", a->tokenizer, "SentencePiece model; default: the bundle's own")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--prompt-ids", a->prompt_ids, "Token ids as the encoder takes them")
      ->type_name("ID,ID,...")
      ->excludes(instruction)
      ->group(group);
  app.add_flag("--whole-graph", a->whole_graph,
               "Run the whole-policy graph on every window instead of encoder + cached features + head");
  AddJsonFlag(app, a->json);
  a->backend.AddTo(app);
  app.footer(
      "Examples:\n"
      "  vlaq run mae0222 --frames episode/\n"
      "  vlaq run mae0222 --frames golden.safetensors:frames.u8 --json\n"
      "  vlaq run mae0222 --frames a.png b.png --instruction 'go to the bottle'");
  return [a, instruction, &context]() -> Status {
    a->has_instruction = instruction->count() > 0;
    return RunVerb(*a, context);
  };
}

}  // namespace vlaq::cli
