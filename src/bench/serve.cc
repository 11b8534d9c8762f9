#include "bench/serve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>
#include <optional>
#include <vector>

#include "base/json.h"
#include "base/json_field.h"
#include "base/scratch_folder.h"
#include "bench/graph_policy.h"
#include "bench/inputs.h"
#include "bench/operator_times.h"
#include "bench/schedule_parts.h"
#include "bench/step.h"
#include "bench/wrapped_model.h"
#include "bundle/bundle.h"
#include "onnx/model_file.h"
#include "runtime/open_policy.h"
#include "runtime/text_encoder.h"
#include "tensor/convert.h"

namespace vlaq::bench {
namespace {

int64_t ReadClock(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return int64_t{1'000'000'000} * now.tv_sec + now.tv_nsec;
}

// An answer holds so many values of a step's action at most, and of all its further outputs together, spread evenly
// over them: enough to compare by, and less than a line may be long.
constexpr size_t kMaxOfAction = 16'384, kMaxOfOthers = 4096;

// JSON has no NaN.
Json AsJson(const Tensor& floats, size_t most) {
  const auto numbers = floats.data<float>();
  const size_t shown = std::min(numbers.size(), most);
  Json values = Json::array();
  for (size_t i = 0; i < shown; ++i) {
    const float value = numbers[i * numbers.size() / shown];
    values.push_back(std::isfinite(value) ? Json(static_cast<double>(value)) : Json(nullptr));
  }
  return values;
}

// What a worker's steps gave, as its answer has it.
class Given {
 public:
  explicit Given(std::vector<std::string> names) : names_(std::move(names)) {}

  Status Add(const backend::NamedTensors& outputs) {
    for (size_t i = 0; i < names_.size(); ++i) {
      const auto found = outputs.find(names_[i]);
      if (found == outputs.end()) continue;
      const auto floats = ToFloat32(found->second);
      if (!floats.ok() && i == 0) return Within(fmt::format("output '{}'", names_[i]), floats.error());
      if (!floats.ok() || (i > 0 && floats->size() == 0)) continue;  // nothing to compare by
      if (i == 0) {
        actions_.push_back(AsJson(*floats, kMaxOfAction));
      } else {
        others_[names_[i]].push_back(AsJson(*floats, std::max<size_t>(kMaxOfOthers / names_.size(), 1)));
      }
    }
    return {};
  }
  void MoveInto(Json& answer) {
    answer["actions"] = std::move(actions_);
    if (!others_.empty()) answer["outputs"] = std::move(others_);
  }

 private:
  std::vector<std::string> names_;  // the action's first
  Json actions_ = Json::array();
  std::map<std::string, Json> others_;
};

}  // namespace

class Worker::State {
 public:
  explicit State(const ServeOptions& options) : options_(options) {}

  Json Answer(const std::string& line) {
    auto answer = Answered(line);
    if (answer.ok()) return std::move(*answer);
    return {{"error", answer.error().ToString()}};
  }

 private:
  Result<Json> Answered(const std::string& line) {
    VLAQ_ASSIGN_OR_RETURN(const Json question, ParseJson(line, "question"));
    const JsonField root(question, "question");
    if (root.Has("hello")) return Begin(root);
    if (root.status().ok() && step_ == nullptr) root.Fail("comes before hello");
    VLAQ_RETURN_IF_ERROR(root.status());
    if (root.Has("profile")) return Profile();
    std::vector<int64_t> inputs;
    bool keep = true;
    root.Read("run", inputs);
    root.Read("keep", keep);
    if (inputs.empty()) root.Fail("asks for nothing: no hello, run or profile");
    VLAQ_RETURN_IF_ERROR(root.status());
    return Run(inputs, keep);
  }

  Result<Json> Begin(const JsonField& root) {
    constexpr int64_t kMost = 4096;
    std::string inputs;
    root.Read("inputs", inputs);
    setup_.inputs = inputs;
    if (const auto window = root.Find("window")) setup_.window = window->Integer(1, kMost);
    if (const auto batch = root.Find("batch")) setup_.batch = batch->Integer(1, kMost);
    if (const auto threads = root.Find("threads")) setup_.threads = static_cast<int>(threads->Integer(1, kMost));
    VLAQ_RETURN_IF_ERROR(root.status());
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
      count_ = 1;
      return {};
    }
    VLAQ_ASSIGN_OR_RETURN(source_.observed, ReadInputs(setup_.inputs));
    count_ = source_.observed.begin()->second.shape()[0];
    precision_ = "";
    source_.name = options_.path.string();
    VLAQ_RETURN_IF_ERROR(options_.kind == Kind::kOnnx ? TakeGraph() : TakeBundle());
    VLAQ_RETURN_IF_ERROR(CountParameters());
    source_.open = Opener(Options());
    VLAQ_ASSIGN_OR_RETURN(step_, OpenStep(source_, setup_.batch));
    return {};
  }

  Status TakeGraph() {
    VLAQ_ASSIGN_OR_RETURN(GraphPolicy graph, PolicyOfGraph(options_.path, setup_.window));
    for (policy::Input& input : graph.policy.inputs) {
      const auto given = source_.observed.find(TensorName(graph.policy, input));
      if (given == source_.observed.end()) continue;
      const Shape& shape = given->second.shape();
      TakeRank(Shape(shape.begin() + 1, shape.end()), input);
    }
    source_.policy = std::move(graph.policy);
    return {};
  }

  Status TakeBundle() {
    VLAQ_ASSIGN_OR_RETURN(bundle_, bundle::Open(options_.path));
    if (setup_.batch != 1 && KeepsWhatItMakes(bundle_->policy, options_.schedule)) {
      return UsageError("the schedule keeps from step to step what its graphs make, for one robot: no batch",
                        "measure another schedule with --batch: SCHEDULE:BUNDLE");
    }
    precision_ = bundle_->precision;
    source_.policy = bundle_->policy;
    source_.schedule = options_.schedule;
    VLAQ_ASSIGN_OR_RETURN(source_.text, runtime::OpenTextEncoder(*bundle_, {}));
    return {};
  }

  // `open` by value: graphs are opened anew for a profile.
  runtime::GraphOpener Opener(const backend::OpenOptions& open) const {
    return [this, open](const std::string& graph) -> Result<std::unique_ptr<backend::OpenedModel>> {
      if (bundle_) return runtime::OpenGraph(*bundle_, graph, *options_.backend, open);
      VLAQ_ASSIGN_OR_RETURN(const auto model, backend::ModelSource::FromFile(options_.path));
      return options_.backend->Open(model, open);
    };
  }

  Status CountParameters() {
    std::vector<std::filesystem::path> files;
    if (bundle_) {
      for (const std::string& graph : PartsOf(source_.policy, source_.schedule).graphs) {
        files.push_back(bundle_->GraphPath(graph));
      }
    } else {
      files.push_back(options_.path);
    }
    int64_t parameters = 0;
    for (const auto& file : files) {
      VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(file));
      parameters += ReachedParameters(model.graph);
    }
    parameters_ = parameters;
    return {};
  }

  Result<Json> Run(const std::vector<int64_t>& inputs, bool keep) {
    Json start = Json::array(), wall = Json::array(), cpu = Json::array();
    Given given(step_->Outputs());
    for (const int64_t input : inputs) {
      if (input < 0 || input >= count_) {
        if (options_.kind != Kind::kNull)
          return InputError("question", fmt::format("there is no frame {} of {}", input, count_));
      }
      const auto newest = static_cast<int>(input);
      VLAQ_RETURN_IF_ERROR(step_->Prepare(newest));
      const int64_t cpu_before = ReadClock(CLOCK_PROCESS_CPUTIME_ID), before = ReadClock(CLOCK_MONOTONIC);
      auto outputs = step_->Act(newest);
      const int64_t after = ReadClock(CLOCK_MONOTONIC), cpu_after = ReadClock(CLOCK_PROCESS_CPUTIME_ID);
      if (!outputs.ok()) return outputs.error();
      start.push_back(before);
      wall.push_back(std::max<int64_t>(after - before, 1));  // a clock of coarse ticks may see no time pass
      cpu.push_back(cpu_after - cpu_before);
      if (keep) VLAQ_RETURN_IF_ERROR(given.Add(*outputs));
    }
    Json answer{{"start_ns", std::move(start)}, {"wall_ns", std::move(wall)}, {"cpu_ns", std::move(cpu)}};
    if (keep) given.MoveInto(answer);
    return answer;
  }

  // Opens the graphs once more, with the engine's record kept, so that the timed ones are not slowed by it.
  Result<Json> Profile() {
    constexpr int kRuns = 3;
    VLAQ_ASSIGN_OR_RETURN(const ScratchFolder scratch, ScratchFolder::Make("profile"));
    backend::OpenOptions options = Options();
    StepSource source = source_;
    std::vector<CountedModel*> graphs;  // that the step owns
    source.open = [&](const std::string& graph) -> Result<std::unique_ptr<backend::OpenedModel>> {
      options.profile = scratch.path() / fmt::format("profile{}", graphs.size());
      VLAQ_ASSIGN_OR_RETURN(auto model, Opener(options)(graph));
      auto counted = std::make_unique<CountedModel>(std::move(model));
      graphs.push_back(counted.get());
      return std::unique_ptr<backend::OpenedModel>(std::move(counted));
    };
    if (options_.kind == Kind::kNull) return InputError("question", "nothing has no operators");
    VLAQ_ASSIGN_OR_RETURN(const auto step, OpenStep(std::move(source), setup_.batch));
    std::vector<size_t> before;  // runs of each that are not looked at: those of the first step, and for it
    for (int i = 0; i <= kRuns; ++i) {
      const auto newest = static_cast<int>(i % count_);
      VLAQ_RETURN_IF_ERROR(step->Prepare(newest));
      VLAQ_RETURN_IF_ERROR(step->Act(newest));
      for (const CountedModel* graph : graphs) {
        if (i == 0) before.push_back(graph->runs());
      }
    }
    Json list = Json::array();
    for (size_t i = 0; i < graphs.size(); ++i) {
      VLAQ_ASSIGN_OR_RETURN(std::vector<backend::ExecutedNode> nodes, graphs[i]->Profile());
      const size_t left_out = nodes.size() / std::max<size_t>(graphs[i]->runs(), 1) * before[i];
      nodes.erase(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(left_out));
      AddOperators(WorkByOperator(nodes, kRuns), list);
    }
    return Json{{"operators", std::move(list)}};
  }

  static void AddOperators(const std::vector<OperatorWork>& all, Json& list) {
    for (const OperatorWork& work : all) {
      list.push_back({{"op_type", work.op_type},
                      {"precision", work.precision},
                      {"calls", std::llround(work.calls)},
                      {"ns", std::llround(work.ns)},
                      {"macs", std::llround(work.macs)}});
    }
  }

  struct Setup {
    std::filesystem::path inputs;
    int64_t window = 8, batch = 1;
    int threads = 1;
  };

  ServeOptions options_;
  Setup setup_;
  std::optional<bundle::Bundle> bundle_;
  std::string precision_;
  std::optional<int64_t> parameters_;
  StepSource source_;
  int64_t count_ = 0;  // of what is observed
  std::unique_ptr<Step> step_;
};

Worker::Worker(const ServeOptions& options) : state_(std::make_unique<State>(options)) {}
Worker::~Worker() = default;
std::string Worker::Answer(const std::string& question) { return JsonString(state_->Answer(question)); }

void Serve(const ServeOptions& options, std::istream& in, std::ostream& out) {
  Worker worker(options);
  for (std::string line; std::getline(in, line);) {
    out << worker.Answer(line) << "\n" << std::flush;
  }
}

}  // namespace vlaq::bench
