// What can run a graph. A back end opens a model and runs it; it never falls back to another device or another back end
// unless asked. In scope: opening, describing inputs and outputs, running. Not aware of: policies, bundles, metrics.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tensor/tensor.h"
#include "tensor/typed_shape.h"

namespace vlaq::backend {

// A model to open: ONNX bytes, and the folder against which external data is resolved.
struct ModelSource {
  std::string name;                         // for messages, e.g. the path
  std::shared_ptr<const std::string> onnx;  // serialized ModelProto
  std::filesystem::path folder;
  // The file that holds just these bytes, if one does: a provider may open it, and what it names beside itself.
  std::filesystem::path file = {};

  // Reads a model file (without its external data). Errors: kInput.
  static Result<ModelSource> FromFile(const std::filesystem::path& path);
};

struct OpenOptions {
  int threads = 0;  // 0: all hardware threads
  // Execution provider by the back end's own name, e.g. "cpu", "cuda", "tensorrt". An absent one is an error.
  std::string provider = "cpu";
  // Graph optimizations of the back end; off for differential tests.
  bool optimize = true;
  // Where nodes may go that `provider` does not take: a provider's name, or one with an operator, "cpu:Gather". A node
  // anywhere else is an error that names it.
  std::vector<std::string> fallback_providers = {};
  // What the graph's bundle stores: "fp32", "fp16", "int8". A provider may compute in no narrower type.
  std::string precision = "fp32";
  // Where a provider keeps what it compiled; empty: nowhere.
  std::filesystem::path cache = {};
  // Finished engines to run in place of a bundle's graphs, as `vlaq build` leaves them; empty: the graphs.
  std::filesystem::path engines = {};
  // Further options of the provider, by its own names.
  std::map<std::string, std::string> provider_options = {};
  // Where to write the back end's own profile (a file prefix); empty: none.
  std::filesystem::path profile = {};

  // For the source that a bundle is held against: it has no engines, and what it is right by is the CPU.
  OpenOptions ForSource() const;
};

// One model input or output. Dynamic extents are -1 and keep their name in dim_names (same length as dims, "" where
// fixed).
struct Port {
  std::string name;
  DType dtype = DType::kF32;
  Shape dims;
  std::vector<std::string> dim_names;
};

using NamedTensors = std::map<std::string, Tensor>;

// One execution of one node of the graph that the engine made for itself out of the model: what really ran.
struct ExecutedNode {
  std::string name;      // the model's where the engine kept it; of a fused node one that it made
  std::string op_type;   // as executed, e.g. "DynamicQuantizeMatMul"
  std::string provider;  // as OpenOptions::provider spells them
  // In the order of the node's inputs and outputs. Left out: what does not exist, and weights that the engine keeps in
  // a form of its own (packed for its kernels).
  std::vector<TypedShape> inputs;
  std::vector<TypedShape> outputs;
  double microseconds = 0;
};

// A model ready to run. Run() may be called from one thread at a time.
class OpenedModel {
 public:
  virtual ~OpenedModel() = default;
  virtual const std::vector<Port>& inputs() const = 0;
  virtual const std::vector<Port>& outputs() const = 0;
  // Runs once. `inputs` must name every input exactly once, with its dtype and fixed extents (kUsage otherwise, naming
  // the input). Returns all outputs by name. Errors of the engine: kBackend.
  virtual Result<NamedTensors> Run(const NamedTensors& inputs) = 0;
  // The same into `outputs`, which holds the last run's names: who runs a model again and again asks for no memory for
  // these. Errors: as Run(), after which `outputs` is of no use.
  virtual Status RunInto(const NamedTensors& inputs, NamedTensors& outputs);
  // One line: which library and version, provider and threads really are used.
  virtual std::string Description() const = 0;
  // What ran since the model was opened with OpenOptions::profile, in order; ends profiling, so it is asked once, after
  // the runs. Errors: kBackend if the model was not opened so, was asked before, or the back end keeps no such record.
  virtual Result<std::vector<ExecutedNode>> Profile();
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;  // "onnxruntime", "reference"
  virtual std::string_view description() const = 0;
  // Success, or kBackend: what is missing and how to get it.
  virtual Status Available() const = 0;
  // Library version and providers in one line, for `doctor`; only if Available().
  virtual std::string Version() const = 0;
  // Success if models can be opened with this provider, or kBackend: which there are and how to get it. Only if
  // Available().
  virtual Status Provides(std::string_view provider) const;
  // Whether its models give a Profile().
  virtual bool KeepsProfile() const { return false; }
  virtual Result<std::unique_ptr<OpenedModel>> Open(const ModelSource& source, const OpenOptions& options) const = 0;
};

// Checks `inputs` against `ports` as OpenedModel::Run promises; shared by all back ends.
Status CheckInputs(const std::vector<Port>& ports, const NamedTensors& inputs);

}  // namespace vlaq::backend
