// Graphs of other tools, and graphs that once broke something: what plan cost, check and its --fix say of each.
// Whatever a file holds, the answer is one of 0, 2, 3 and 5: never a crash, never "a bug in vlaq".
#include <set>

#include "base/random.h"
#include "onnx/model_file.h"
#include "program.h"

namespace vlaq {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string File(const std::string& name) { return std::string(VLAQ_TESTDATA) + "/onnx/" + name + ".onnx"; }

Ran Cost(const std::string& path, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"plan", "cost", path};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Vlaq(arguments);
}

// Ids of findings of severity error.
std::set<std::string> ErrorsOf(const std::string& path, const std::string& version) {
  const Ran ran = Vlaq({"check", path, "--tensorrt", version, "--json"});
  std::set<std::string> ids;
  EXPECT_THAT(ran.exit_code, AnyOf(0, 5)) << path << ran.err;
  if (ran.exit_code != 0 && ran.exit_code != 5) return ids;
  const Json document = ran.json();
  for (const Json& finding : document["findings"]) {
    if (finding["severity"] == "error") ids.insert(finding["id"]);
  }
  return ids;
}

TEST(GraphFiles, Costs) {
  const struct {
    const char* name;
    std::vector<std::string> more;
    int64_t macs;
  } cases[] = {
      {"gelu_then_shape", {"--extent", "batch=1"}, 128},
      {"static_opset20", {}, 102456},
      {"torchscript_opset17", {"--extent", "batch=1"}, 102456},
      {"class_token_opset16_static", {}, 106328},
      {"deconv_3_4_k2_s2", {}, 3072},
  };
  for (const auto& c : cases) {
    std::vector<std::string> more = c.more;
    more.emplace_back("--json");
    const Ran ran = Cost(File(c.name), more);
    ASSERT_EQ(ran.exit_code, 0) << c.name << ": " << ran.err;
    EXPECT_EQ(ran.json()["scenarios"][0]["macs"], c.macs) << c.name;
  }
  EXPECT_EQ(Cost(File("external_constant")).exit_code, 0);
  EXPECT_EQ(Vlaq({"inspect", File("external_constant")}).exit_code, 0);
  EXPECT_EQ(Vlaq({"check", File("external_constant"), "--tensorrt", "8.6"}).exit_code, 0);
}

TEST(GraphFiles, WhatHasNoCostIsSaidByName) {
  EXPECT_EQ(Cost(File("local_function")).exit_code, 0) << "functions of its own are put in the place of their calls";
  const Ran half = Cost(File("fp16_by_onnxruntime"), {"--extent", "batch=1"});
  EXPECT_THAT(half.exit_code, AnyOf(0, 3)) << half.err;
  if (half.exit_code == 3) {
    EXPECT_THAT(half.err, HasSubstr("node '"));
  }
}

TEST(GraphFiles, WhatIsNoValidGraph) {
  for (const char* name : {"scan_no_inputs", "scan_negative", "untyped_input_relu", "unrecognized_attribute"}) {
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"plan", "cost"}, {"check", "--tensorrt", "8.6"}, {"inspect"}}) {
      std::vector<std::string> arguments = command;
      arguments.push_back(File(name));
      const Ran ran = Vlaq(arguments);
      EXPECT_EQ(ran.exit_code, 3) << name << " " << command[0] << ran.err;
      EXPECT_THAT(ran.err, AllOf(HasSubstr("not a valid graph"), Not(HasSubstr("bug in vlaq")))) << name;
    }
  }
  for (const char* name : {"gathernd_batch_dims", "onnx-840", "onnxsmall-167", "onnxsmall-529"}) {
    EXPECT_THAT(Cost(File(name), {"--extent", "n=1"}).exit_code, AnyOf(0, 2, 3)) << name;
    EXPECT_THAT(Cost(File(name)).exit_code, AnyOf(0, 2, 3)) << name;
  }
}

TEST(GraphFiles, WhatTensorRtReadsOtherwise) {
  const struct {
    const char* name;
    const char* version;
    const char* rule;
  } cases[] = {
      {"antialias", "10.3", "TRT-A02b"},
      {"antialias", "8.6", "TRT-A02a"},
      {"image_tokens_put_in", "10.3", "TRT-G16"},
      {"dynamic_opset17", "8.6", "TRT-A01"},
      {"scatter_add_opset17", "8.6", "TRT-A03"},
      {"scatter_add_opset18", "8.6", "TRT-A03"},
      {"squeeze_all", "8.6", "TRT-A05"},
      {"squeeze_all", "10.3", "TRT-A05"},
      {"batchnorm", "8.6", "TRT-A06"},
      {"batchnorm", "10.3", "TRT-A06"},
  };
  for (const auto& c : cases) EXPECT_THAT(ErrorsOf(File(c.name), c.version), Contains(c.rule)) << c.name << c.version;
  const auto text = [](const char* name, const char* version) {
    return Vlaq({"check", File(name), "--tensorrt", version}).out;
  };
  EXPECT_THAT(text("squeeze_all", "8.6"), HasSubstr("emit: axes"));
  EXPECT_THAT(text("batchnorm", "10.3"), HasSubstr("emit: model.eval() before the export"));
  for (const char* version : {"8.6", "10.3"}) {
    EXPECT_THAT(text("causal_mask", version), AllOf(HasSubstr("warning FP-06"), HasSubstr("-3.40282e+38")));
  }
  EXPECT_THAT(text("pad_to_multiple", "8.6"), HasSubstr("warning TRT-S05"));
}

TEST(GraphFiles, FixKeepsNumbersAndNeverMakesAFileWorse) {
  const TemporaryFolder folder;
  const std::string output = (folder.path() / "fixed.onnx").string();
  const auto fix = [&](const char* name, const char* version) {
    return Vlaq({"check", File(name), "--tensorrt", version, "--fix", "-o", output, "--force"});
  };
  EXPECT_EQ(fix("image_tokens_put_in", "10.3").exit_code, 0);
  EXPECT_THAT(ErrorsOf(output, "10.3"), IsEmpty());
  EXPECT_EQ(fix("dynamic_opset17", "8.6").exit_code, 0);
  EXPECT_THAT(ErrorsOf(output, "8.6"), IsEmpty());
  const Ran scatter = fix("scatter_add_opset18", "8.6");
  EXPECT_EQ(scatter.exit_code, 5) << "what 8.6 overwrites stays an error";
  EXPECT_THAT(ErrorsOf(output, "8.6"), Contains("TRT-A03"));
  for (const char* name : {"slice_constant_node", "slice_ir9"}) {
    const Ran ran = fix(name, "8.6");
    EXPECT_EQ(ran.exit_code, 0) << name << ran.out << ran.err;
    EXPECT_THAT(ErrorsOf(output, "8.6"), IsEmpty()) << name;
  }
}

// ---- seeded changes of real graphs ----

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  void Change(onnx::Model& model) {
    for (uint64_t i = 0; i <= random_.Below(3); ++i) ChangeOnce(model);
  }

 private:
  size_t Below(size_t size) { return static_cast<size_t>(random_.Below(size)); }
  int64_t Number() {
    constexpr int64_t kNumbers[] = {0,     1,       -1,        2,         3,         7,         -2,         1000,
                                    -1000, 1 << 20, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1LL << 40U, 1LL << 33U};
    return kNumbers[Below(std::size(kNumbers))];
  }
  std::string Value(const onnx::Graph& graph) {
    const onnx::Node& node = graph.nodes[Below(graph.nodes.size())];
    if (node.outputs.empty() || random_.Below(4) == 0) return graph.inputs.empty() ? "" : graph.inputs[0].name;
    return node.outputs[Below(node.outputs.size())];
  }
  onnx::AttributeValue Attribute() {
    switch (random_.Below(5)) {
      case 0:
        return Number();
      case 1:
        return std::vector<int64_t>{Number(), Number()};
      case 2:
        return std::string("tf_crop_and_resize");
      case 3:
        return -3.4e38F;
      default:
        return Tensor::From<int64_t>({2}, std::vector<int64_t>{Number(), Number()});
    }
  }
  void ChangeAttribute(onnx::Node& node) {
    constexpr const char* kNames[] = {"axis",        "axes",  "perm",     "batch_dims", "strides",   "kernel_shape",
                                      "pads",        "group", "to",       "start",      "end",       "hidden_size",
                                      "num_outputs", "split", "keepdims", "blocksize",  "reduction", "equation"};
    std::string name = kNames[Below(std::size(kNames))];
    if (!node.attributes.empty() && random_.Below(3) != 0) {
      name = std::next(node.attributes.begin(), static_cast<std::ptrdiff_t>(Below(node.attributes.size())))->first;
    }
    auto& value = node.attributes[name];
    if (auto* one = std::get_if<int64_t>(&value); one != nullptr && random_.Below(4) != 0) {
      *one = Number();
    } else if (auto* many = std::get_if<std::vector<int64_t>>(&value); many != nullptr && !many->empty()) {
      (*many)[Below(many->size())] = Number();
    } else {
      value = Attribute();
    }
  }
  void ChangeConstant(onnx::Graph& graph) {
    if (graph.initializers.empty()) return;
    onnx::Initializer& initializer = graph.initializers[Below(graph.initializers.size())];
    const Shape shapes[] = {{}, {0}, {1}, {2}, {1, 1}, {0, 3}, {3, 0, 2}};
    initializer.shape = shapes[Below(std::size(shapes))];
    initializer.dtype = random_.Below(2) == 0 ? DType::kI64 : DType::kF32;
    Tensor tensor = Tensor::Make(initializer.dtype, initializer.shape);
    if (initializer.dtype == DType::kI64) {
      for (int64_t& value : tensor.mutable_data<int64_t>()) value = Number();
    }
    initializer.data = std::move(tensor);
  }
  void ChangeOnce(onnx::Model& model) {
    onnx::Graph& graph = model.graph;
    if (graph.nodes.empty()) return;
    onnx::Node& node = graph.nodes[Below(graph.nodes.size())];
    switch (random_.Below(11)) {
      case 0:
        if (!node.inputs.empty()) node.inputs[Below(node.inputs.size())] = Value(graph);
        break;
      case 1:
        if (!node.inputs.empty()) node.inputs.pop_back();
        break;
      case 2:
        node.inputs.push_back(Value(graph));
        break;
      case 3:
        node.op_type = graph.nodes[Below(graph.nodes.size())].op_type;
        break;
      case 4: {
        constexpr const char* kOperators[] = {
            "Scan", "Loop",  "If",  "GatherND", "Split",  "Resize",    "Einsum", "Gelu",   "Shape", "Reshape", "LSTM",
            "Conv", "Slice", "Pad", "Squeeze",  "Expand", "ScatterND", "TopK",   "Concat", "Range", "Cast"};
        node.op_type = kOperators[Below(std::size(kOperators))];
        break;
      }
      case 5:
        ChangeConstant(graph);
        break;
      case 6:
        if (!graph.inputs.empty()) {
          onnx::ValueInfo& input = graph.inputs[Below(graph.inputs.size())];
          if (input.dims.empty()) {
            input.dims.push_back(onnx::Dim::Named("n"));
          } else {
            input.dims[Below(input.dims.size())] = onnx::Dim::Fixed(std::max<int64_t>(0, Number()));
          }
        }
        break;
      case 7: {
        constexpr int64_t kOpsets[] = {1, 7, 9, 11, 13, 17, 18, 20, 21, 25};
        model.opsets[""] = kOpsets[Below(std::size(kOpsets))];
        break;
      }
      case 8:
        if (!node.outputs.empty()) node.outputs[0] = Value(graph);
        break;
      default:
        ChangeAttribute(node);
    }
  }

  Random random_;
};

// VLAQ_MUTATIONS=N for more than the daily ones.
TEST(GraphFiles, NoChangeOfAGraphEndsInACrashOrABug) {
  const char* wanted = std::getenv("VLAQ_MUTATIONS");  // NOLINT(concurrency-mt-unsafe): nobody sets it meanwhile
  const uint64_t count = wanted == nullptr ? 240 : std::strtoull(wanted, nullptr, 10);
  std::vector<onnx::Model> seeds;
  for (const auto& entry : fs::directory_iterator(std::string(VLAQ_TESTDATA) + "/onnx")) {
    if (entry.path().extension() != ".onnx") continue;
    auto model = onnx::ReadModel(entry.path());
    const bool beside = model.ok() && std::ranges::any_of(model->graph.initializers, &onnx::Initializer::is_external);
    if (model.ok() && !beside && model->local_functions == 0) seeds.push_back(*std::move(model));
  }
  ASSERT_GT(seeds.size(), 10U);
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "changed.onnx").string();
  const std::string output = (folder.path() / "fixed.onnx").string();
  std::map<int, int> exits;
  for (uint64_t seed = 0; seed < count; ++seed) {
    onnx::Model model = seeds[seed % seeds.size()];
    Mutator(seed).Change(model);
    const auto bytes = onnx::Serialize(model);
    if (!bytes.ok()) continue;
    Overwrite(path, *bytes);
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"plan", "cost", path},
          {"plan", "cost", path, "--extent", "batch=1"},
          {"check", path, "--tensorrt", "8.6"},
          {"check", path, "--tensorrt", "10.3", "--fix", "-o", output, "--force"},
          {"check", path, "--tensorrt", "8.6", "--fix", "-o", output, "--force"},
          {"inspect", path}}) {
      const Ran ran = Vlaq(arguments);
      ++exits[ran.exit_code];
      ASSERT_THAT(ran.exit_code, AnyOf(0, 2, 3, 5)) << "seed " << seed << " " << arguments[0] << ": " << ran.err;
    }
  }
  EXPECT_GT(exits[0], 0);
  EXPECT_GT(exits[3], 0);
}

}  // namespace
}  // namespace vlaq
