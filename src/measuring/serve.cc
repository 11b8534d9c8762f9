#include "measuring/serve.h"

#include <fmt/format.h>

#include <cmath>
#include <ctime>
#include <optional>

#include "base/json.h"
#include "base/scratch_folder.h"
#include "bundle/bundle.h"
#include "measuring/inputs.h"
#include "measuring/operator_times.h"
#include "measuring/step.h"
#include "onnx/model_file.h"
#include "runtime/policy_runner.h"

namespace vlaq::measuring {
namespace {

int64_t ReadClock(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return int64_t{1'000'000'000} * now.tv_sec + now.tv_nsec;
}

// JSON has no NaN.
Json AsJson(const Tensor& action) {
  Json values = Json::array();
  for (const float value : action.data<float>()) {
    values.push_back(std::isfinite(value) ? Json(static_cast<double>(value)) : Json(nullptr));
  }
  return values;
}

struct Setup {
  std::filesystem::path inputs;
  int64_t window = 8, batch = 1;
  int threads = 1;
};

class Worker {
 public:
  explicit Worker(const ServeOptions& options) : options_(options) {}

  Json Answer(const std::string& line) {
    auto answer = Answered(line);
    if (answer.ok()) return std::move(*answer);
    return {{"error", answer.error().ToString()}};
  }

 private:
  Result<Json> Answered(const std::string& line) {
    VLAQ_ASSIGN_OR_RETURN(const Json question, ParseJson(line, "question"));
    if (!question.is_object()) return InputError("question", "is no JSON object");
    const JsonReader reader(question, "question");
    if (question.contains("hello")) return Begin(reader);
    if (step_ == nullptr) return InputError("question", "comes before hello");
    if (question.contains("profile")) return Profile();
    VLAQ_ASSIGN_OR_RETURN(const auto inputs, reader.Integers("run"));
    VLAQ_ASSIGN_OR_RETURN(const auto keep, reader.Boolean("keep"));
    if (!inputs || inputs->empty()) return InputError("question", "asks for nothing: no hello, run or profile");
    return Run(*inputs, keep.value_or(true));
  }

  Result<Json> Begin(const JsonReader& reader) {
    VLAQ_ASSIGN_OR_RETURN(const auto inputs, reader.String("inputs"));
    VLAQ_ASSIGN_OR_RETURN(const auto threads, reader.Integer("threads"));
    VLAQ_ASSIGN_OR_RETURN(const auto window, reader.Integer("window"));
    VLAQ_ASSIGN_OR_RETURN(const auto batch, reader.Integer("batch"));
    setup_ = {inputs.value_or(""), window.value_or(setup_.window), batch.value_or(1),
              static_cast<int>(threads.value_or(1))};
    constexpr int64_t kMost = 4096;
    const bool sane = setup_.window >= 1 && setup_.window <= kMost && setup_.batch >= 1 && setup_.batch <= kMost &&
                      setup_.threads >= 1 && setup_.threads <= kMost;
    if (!sane) return InputError("question", "window, batch and threads must be 1 to 4096");
    const int64_t begin = ReadClock(CLOCK_MONOTONIC);
    VLAQ_RETURN_IF_ERROR(Open());
    return Json{{"ready", true},
                {"runs_on", step_->Description()},
                {"precision", precision_},
                {"parameters", parameters_ ? Json(*parameters_) : Json(nullptr)},
                {"threads", setup_.threads},
                {"load_ns", ReadClock(CLOCK_MONOTONIC) - begin}};
  }

  backend::OpenOptions Options() const {
    backend::OpenOptions open = options_.open;
    open.threads = setup_.threads;
    if (!precision_.empty()) open.precision = precision_;
    return open;
  }

  Status Open() {
    if (options_.kind == Kind::kNull) {
      step_ = MakeNullStep();
      frames_ = 1;
      return {};
    }
    VLAQ_ASSIGN_OR_RETURN(Tensor pixels, ReadInputs(setup_.inputs));
    frames_ = pixels.shape()[0];
    precision_ = "";
    if (options_.kind != Kind::kOnnx) {
      VLAQ_ASSIGN_OR_RETURN(bundle_, bundle::Open(options_.path));
      precision_ = bundle_->precision;
      setup_.window = bundle_->spec.window;
    }
    VLAQ_RETURN_IF_ERROR(CountParameters());
    return OpenStep(Options(), std::move(pixels));
  }

  // The graphs of the bundle that belong to a step; none for a file.
  std::vector<std::string_view> Roles() const {
    if (options_.kind == Kind::kWhole) return {bundle::kWhole};
    if (options_.kind == Kind::kStreaming) return {bundle::kEncoder, bundle::kHead};
    return {};
  }

  // What runs: the file, the bundle's graphs, or engines in their place.
  Result<std::vector<backend::ModelSource>> Sources(const backend::OpenOptions& open) const {
    std::vector<backend::ModelSource> sources;
    for (const std::string_view role : Roles()) {
      VLAQ_ASSIGN_OR_RETURN(sources.emplace_back(), runtime::SourceOf(*bundle_, role, open));
    }
    if (sources.empty()) {
      VLAQ_ASSIGN_OR_RETURN(sources.emplace_back(), backend::ModelSource::FromFile(options_.path));
    }
    return sources;
  }

  Status OpenStep(const backend::OpenOptions& open, Tensor pixels) {
    if (options_.kind != Kind::kStreaming) {
      VLAQ_ASSIGN_OR_RETURN(const auto sources, Sources(open));
      VLAQ_ASSIGN_OR_RETURN(
          step_, OpenWholeStep(sources[0], *options_.backend, open, std::move(pixels), setup_.window, setup_.batch));
      return {};
    }
    if (setup_.batch != 1)
      return UsageError("a streaming policy has one robot: no batch", "measure whole:BUNDLE with --batch");
    VLAQ_ASSIGN_OR_RETURN(step_, OpenStreamingStep(*bundle_, *options_.backend, open, std::move(pixels)));
    return {};
  }

  Status CountParameters() {
    std::vector<std::filesystem::path> graphs;
    for (const std::string_view role : Roles()) graphs.push_back(bundle_->GraphPath(role));
    if (graphs.empty()) graphs.push_back(options_.path);
    int64_t parameters = 0;
    for (const auto& graph : graphs) {
      VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(graph));
      parameters += ReachedParameters(model.graph);
    }
    parameters_ = parameters;
    return {};
  }

  Result<Json> Run(const std::vector<int64_t>& inputs, bool keep) {
    Json start = Json::array(), wall = Json::array(), cpu = Json::array(), actions = Json::array();
    for (const int64_t input : inputs) {
      if (input < 0 || input >= frames_) {
        if (options_.kind != Kind::kNull)
          return InputError("question", fmt::format("there is no frame {} of {}", input, frames_));
      }
      const auto newest = static_cast<int>(input);
      VLAQ_RETURN_IF_ERROR(step_->Prepare(newest));
      const int64_t cpu_before = ReadClock(CLOCK_PROCESS_CPUTIME_ID), before = ReadClock(CLOCK_MONOTONIC);
      auto action = step_->Act(newest);
      const int64_t after = ReadClock(CLOCK_MONOTONIC), cpu_after = ReadClock(CLOCK_PROCESS_CPUTIME_ID);
      if (!action.ok()) return action.error();
      start.push_back(before);
      wall.push_back(std::max<int64_t>(after - before, 1));  // a clock of coarse ticks may see no time pass
      cpu.push_back(cpu_after - cpu_before);
      if (keep) actions.push_back(AsJson(*action));
    }
    Json answer{{"start_ns", std::move(start)}, {"wall_ns", std::move(wall)}, {"cpu_ns", std::move(cpu)}};
    if (keep) answer["actions"] = std::move(actions);
    return answer;
  }

  // Opens the graphs once more, with the engine's record kept, so that the timed ones are not slowed by it.
  Result<Json> Profile() {
    Json list = Json::array();
    VLAQ_ASSIGN_OR_RETURN(const auto sources, Sources(Options()));
    for (const backend::ModelSource& source : sources) VLAQ_RETURN_IF_ERROR(ProfileGraph(source, list));
    return Json{{"operators", std::move(list)}};
  }

  Status ProfileGraph(const backend::ModelSource& source, Json& list) {
    constexpr int kRuns = 3;
    VLAQ_ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::Make("profile"));
    backend::OpenOptions open = Options();
    open.profile = scratch.path() / "profile";
    VLAQ_ASSIGN_OR_RETURN(const auto model, options_.backend->Open(source, open));
    VLAQ_ASSIGN_OR_RETURN(const backend::NamedTensors feeds, Feeds(model->inputs()));
    for (int i = 0; i < 1 + kRuns; ++i) VLAQ_RETURN_IF_ERROR(model->Run(feeds));
    VLAQ_ASSIGN_OR_RETURN(std::vector<backend::ExecutedNode> nodes, model->Profile());
    nodes.erase(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(nodes.size() / (1 + kRuns)));
    for (const OperatorWork& work : WorkByOperator(nodes, kRuns)) {
      list.push_back({{"op_type", work.op_type},
                      {"precision", work.precision},
                      {"calls", std::llround(work.calls)},
                      {"ns", std::llround(work.ns)},
                      {"macs", std::llround(work.macs)}});
    }
    return {};
  }

  // Noise for pictures and features, the bundle's own prompt for words.
  Result<backend::NamedTensors> Feeds(const std::vector<backend::Port>& ports) const {
    backend::NamedTensors feeds;
    for (const backend::Port& port : ports) {
      if (port.dtype == DType::kI64 && bundle_) {
        const bool mask = port.name.find("mask") != std::string::npos;
        const auto values = mask ? bundle_->spec.PromptMask() : bundle_->spec.prompt_ids;
        feeds.emplace(port.name, Tensor::From<int64_t>({1, static_cast<int64_t>(values.size())}, values));
        continue;
      }
      Shape shape = port.dims;
      for (size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] < 0) shape[i] = port.dim_names[i] == "window" ? setup_.window : i == 0 ? setup_.batch : 1;
      }
      if (port.dtype != DType::kF32) return InputError(port.name, "is an input that cannot be fed");
      Tensor values = Tensor::Make(DType::kF32, shape);
      float at = 0;
      for (float& x : values.mutable_data<float>()) x = std::sin(at += 0.7F);
      feeds.emplace(port.name, std::move(values));
    }
    return feeds;
  }

  const ServeOptions& options_;
  Setup setup_;
  std::optional<bundle::Bundle> bundle_;
  std::string precision_;
  std::optional<int64_t> parameters_;
  int64_t frames_ = 0;
  std::unique_ptr<Step> step_;
};

}  // namespace

void Serve(const ServeOptions& options, std::istream& in, std::ostream& out) {
  Worker worker(options);
  for (std::string line; std::getline(in, line);) {
    out << JsonString(worker.Answer(line)) << "\n" << std::flush;
  }
}

}  // namespace vlaq::measuring
