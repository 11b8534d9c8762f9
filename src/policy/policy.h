// A policy as data: what one control step observes, what comes out, which graphs there are, and in what order they run.
// Nothing here is code of a family; one executor (runtime) carries it out. Written to and read from policy.json
// ("vlaq.policy/2"). In scope: the types, their JSON, what can be checked without a graph. Not aware of: how graphs are
// opened, where they lie, what a family's own settings mean.
//
// Values have names. An input is the value of its name; a text input `task` with an encoder makes several, `task.KEY`.
// A graph reads and makes values through its bindings. Every value that a graph reads has its batch axis.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "image/preprocess.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace vlaq::policy {

inline constexpr std::string_view kPolicySchema = "vlaq.policy/2";

// Numbers of a feature to and from what the network sees, elementwise along the last axis. As LeRobot names them.
enum class NormalizationMode {
  kIdentity,  // as it is
  kMeanStd,   // (x - a) / (b + 1e-8); a: mean, b: standard deviation
  kMinMax,    // 2 (x - a) / (b - a) - 1; a: min, b: max
  kScale,     // x / a; a: scale
};
std::string_view Name(NormalizationMode mode);
std::optional<NormalizationMode> FindNormalizationMode(std::string_view name);
std::vector<std::string> NormalizationModeNames();

struct Normalization {
  NormalizationMode mode = NormalizationMode::kIdentity;
  std::vector<double> a, b;  // one value for all, or one an element of the last axis; `b` of two-sided modes only
};

enum class InputType {
  kImage,  // a camera's picture, uint8 [H, W, 3]; or already as the graph takes it
  kState,  // numbers, or any other array that the robot gives
  kText,   // an instruction
  kNoise,  // drawn by the executor at every step; an observation may give it instead
};
std::string_view Name(InputType type);
std::optional<InputType> FindInputType(std::string_view name);
std::vector<std::string> InputTypeNames();

enum class ImageLayout { kChw, kHwc };               // "chw", "hwc"
enum class NoiseKind { kNormal, kUniform, kZeros };  // "normal", "uniform" in [0, 1), "zeros"
std::string_view Name(ImageLayout layout);
std::string_view Name(NoiseKind kind);
std::optional<ImageLayout> FindImageLayout(std::string_view name);
std::optional<NoiseKind> FindNoiseKind(std::string_view name);
std::vector<std::string> ImageLayoutNames();
std::vector<std::string> NoiseKindNames();

struct Input {
  std::string name;  // "observation.images.front", "observation.state", "task", "noise"
  InputType type = InputType::kState;
  DType dtype = DType::kF32;  // as the graph takes it; of a text input without meaning
  Shape shape;                // without the batch axis; -1: any extent. Of a text input empty
  bool batched = true;        // the executor puts a batch axis of 1 in front; false: the graph takes `shape` itself
  std::vector<std::string> names;          // of the elements of the last axis, if known
  std::vector<std::string> units;          // theirs: "rad", "m/s"
  Normalization normalize;                 // of kState
  image::PreprocessSpec preprocess;        // of kImage
  ImageLayout layout = ImageLayout::kChw;  // of kImage: kHwc takes uint8 as it is
  NoiseKind noise = NoiseKind::kNormal;    // of kNoise
  std::vector<std::string> makes;          // of kText: the values `NAME.KEY` that its encoder makes, as KEY
  std::string encoder = "{}";              // of kText: JSON text for the family's encoder
};
// The values that an input is in a schedule: its name; of a text input `NAME.KEY` for each it makes.
std::vector<std::string> ValuesOf(const Input& input);

struct Output {
  std::string name;  // "action"; each schedule makes a value of this name
  DType dtype = DType::kF32;
  Shape shape;  // without the batch axis: of an action [chunk, dim]; -1: any extent
  bool batched = true;
  std::vector<std::string> names;  // of the elements of the last axis: "shoulder"
  std::vector<std::string> units;  // "m/s"; of the numbers that come out after `unnormalize`
  Normalization unnormalize;       // the mode's inverse is applied
};

struct Control {
  double period_s = 0.4;                          // between two steps
  int64_t n_action_steps = 1;                     // actions of a chunk that are played before the next is computed
  std::optional<double> temporal_ensemble_coeff;  // of exp(-coeff i), ACT's; then n_action_steps is 1
};

struct Graph {
  std::string file;                            // in the bundle
  std::map<std::string, std::string> inputs;   // the graph's input -> value
  std::map<std::string, std::string> outputs;  // the graph's output -> value
};

enum class StepKind {
  kRun,     // a graph
  kWindow,  // the last `length` of `value`, side by side on a new axis 1, as `as`; fewer at an episode's start
  kHold,  // `steps` run only when one of the values `when` has changed (or at an episode's start); what they make stays
  kCarry,   // `as` is what `value` was at the end of the last control step; zeros at an episode's start
  kRepeat,  // `steps`, `times` over, with carried values and a table of constants
  kSelect,  // `index` along `axis` of `value`, that axis gone, as `as`; a negative index counts from the end
  kConcat,  // `values` one after the other along `axis`, as `as`
};
std::string_view Name(StepKind kind);
std::optional<StepKind> FindStepKind(std::string_view name);
std::vector<std::string> StepKindNames();

struct Step;

// A value of kRepeat that each round hands to the next.
struct CarriedValue {
  std::string as;    // what the steps read
  std::string from;  // the value that it is in the first round
  std::string next;  // the value made in a round that it is in the next; after the last round `as` stays this one
};
// A value of kRepeat that is another number in each round.
struct ConstantTable {
  std::string as;
  DType dtype = DType::kF32;
  Shape shape;                 // all elements are the number; may be empty (a scalar)
  std::vector<double> values;  // one a round
};

struct Step {
  StepKind kind = StepKind::kRun;
  std::string graph;                     // kRun
  std::string value, as;                 // kWindow, kCarry, kSelect; `as`: kConcat too
  int64_t length = 0;                    // kWindow
  std::vector<std::string> when;         // kHold
  DType dtype = DType::kF32;             // kCarry: of the zeros
  Shape shape;                           // kCarry: of the zeros, batch axis included
  int64_t times = 0;                     // kRepeat
  std::vector<CarriedValue> carry;       // kRepeat
  std::vector<ConstantTable> constants;  // kRepeat
  std::vector<Step> steps;               // kHold, kRepeat
  int64_t axis = 0, index = 0;           // kSelect, kConcat (axis)
  std::vector<std::string> values;       // kConcat
};

struct Policy {
  std::string family;  // a family's folder, or "onnx"
  std::vector<Input> inputs;
  std::vector<Output> outputs;  // the first is what moves the robot
  Control control;
  std::map<std::string, Graph, std::less<>> graphs;
  std::map<std::string, std::vector<Step>, std::less<>> schedules;  // several ways to the same outputs
  std::string default_schedule;
  std::vector<std::string> compare;  // values that can be held against a reference
  std::string settings = "{}";       // JSON text: the family's own; nobody else reads it

  const Input* FindInput(std::string_view name) const;
  const Output* FindOutput(std::string_view name) const;
};

// The input that is an instruction; null: none. Policies have at most one.
const Input* TextInput(const Policy& policy);

// Errors: kInput naming the file and the key ("inputs.observation.state.normalize.mean"); unknown keys of a policy's
// own parts are errors with the nearest known one. Other top-level members (a bundle's files and provenance) are left
// alone. Does not Validate().
Result<Policy> ParsePolicy(const Json& json, const std::string& where);
// The members that ParsePolicy reads, "schema" first.
Json PolicyToJson(const Policy& policy);

// Everything that can be checked without a graph: names are unique and used, every value that a step reads was made
// before it, every schedule makes every output, extents and lengths are possible, normalization has as many numbers as
// elements. Errors: kInput naming `where` and the key.
Status Validate(const Policy& policy, const std::string& where);

}  // namespace vlaq::policy
