// The reader of quantized graphs meets every form in both places, and graphs that somebody has broken on purpose: what
// it says may be anything but a crash, and only a bundle that is its source with its plan carried out passes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/testing.h"
#include "verify/quantized_net_for_test.h"
#include "verify/testing.h"
#include "verify/weights_check.h"

namespace vlaq::verify {
namespace {

using numerics::Form;
using testing::Options;
using testing::Tensors;

struct Variant {
  std::string name;
  Options options;
};

std::vector<Variant> AllVariants() {
  std::vector<Variant> variants{{"float", {}}};
  const auto add = [&](const std::string& name, Form Options::*member, Form form) {
    Variant& variant = variants.emplace_back();
    variant.name = name + " " + std::string(FormName(form));
    variant.options.*member = form;
  };
  add("table", &Options::table, Form::kWeightOnly);
  add("lstm", &Options::lstm, Form::kDynamicInt8);
  for (const Form form : {Form::kHalf, Form::kStaticInt8, Form::kDynamicInt8, Form::kWeightOnly}) {
    add("fc1", &Options::fc1, form);
    add("fc2", &Options::fc2, form);
  }
  variants.push_back({"static, float before", {.fc1 = Form::kStaticInt8, .float_before_quantize = true}});
  variants.push_back(
      {"all",
       {.table = Form::kWeightOnly, .fc1 = Form::kStaticInt8, .fc2 = Form::kWeightOnly, .lstm = Form::kDynamicInt8}});
  return variants;
}

class WeightsPairsTest : public ::testing::Test {
 protected:
  struct Made {
    onnx::Model model;
    Tensors stored;
  };
  static Made Make(const Options& options) {
    Made made;
    made.model = testing::MakeNet(testing::SourceWeights(), options, made.stored);
    return made;
  }
  static bool Passes(const bundle::Bundle& made, const numerics::Plan* plan, const bundle::Bundle& source) {
    Report report;
    const Status status = CheckQuantizedWeights(made, plan, source, SilentLog(), report);
    return status.ok() && report.first_failure() == nullptr;
  }
  TemporaryFolder folder_;
};

TEST_F(WeightsPairsTest, EveryFormInBothPlaces) {
  const std::vector<Variant> variants = AllVariants();
  std::vector<bundle::Bundle> bundles;
  for (const Variant& variant : variants) {
    const Made made = Make(variant.options);
    bundles.push_back(testing::WriteNet(folder_.path() / std::to_string(bundles.size()), made.model, made.stored));
  }
  for (size_t a = 0; a < variants.size(); ++a) {
    for (size_t b = 0; b < variants.size(); ++b) {
      SCOPED_TRACE(variants[a].name + " against " + variants[b].name);
      const numerics::Plan plan = testing::PlanOf(variants[a].options, bundles[b]);
      EXPECT_EQ(Passes(bundles[a], &plan, bundles[b]), b == 0) << "only the float network is a source";
      const bool same = a == 0 && b == 0;
      EXPECT_EQ(Passes(bundles[a], nullptr, bundles[b]), same);
    }
  }
}

// One random change of a graph that leaves it a graph in form.
void Break(onnx::Graph& graph, Random& random) {
  onnx::Node& node = graph.nodes[random.Below(graph.nodes.size())];
  const auto any_value = [&]() -> std::string {
    const onnx::Node& other = graph.nodes[random.Below(graph.nodes.size())];
    if (!other.outputs.empty() && random.Below(2) == 0) return other.outputs[random.Below(other.outputs.size())];
    return graph.initializers[random.Below(graph.initializers.size())].name;
  };
  switch (random.Below(9)) {
    case 0:
      if (!node.inputs.empty()) node.inputs.pop_back();
      break;
    case 1:
      node.inputs.clear();
      break;
    case 2:
      node.outputs.clear();
      break;
    case 3:
      if (!node.inputs.empty()) node.inputs[random.Below(node.inputs.size())] = any_value();
      break;
    case 4:
      node.op_type = graph.nodes[random.Below(graph.nodes.size())].op_type;
      break;
    case 5:
      node.attributes["axis"] = static_cast<int64_t>(random.Below(7)) - 3;
      node.attributes["block_size"] = static_cast<int64_t>(random.Below(5)) - 2;
      break;
    case 6:
      node.attributes["K"] = int64_t{1} << random.Below(63);
      node.attributes["N"] = int64_t{1} << random.Below(63);
      break;
    case 7: {  // a weight is another one, of another type and shape
      if (node.inputs.empty()) break;
      const std::string old = node.inputs.front(), value = any_value();
      for (onnx::Node& reader : graph.nodes) std::replace(reader.inputs.begin(), reader.inputs.end(), old, value);
      break;
    }
    case 8:
      std::swap(node, graph.nodes[random.Below(graph.nodes.size())]);
      break;
    default:
      break;
  }
}

TEST_F(WeightsPairsTest, BrokenGraphsAreNamedNotRead) {
  const Made source = Make({});
  const bundle::Bundle right = testing::WriteNet(folder_.path() / "source", source.model, source.stored);
  Random random(15, 3);
  for (const Variant& variant : AllVariants()) {
    const Made made = Make(variant.options);
    const numerics::Plan plan = testing::PlanOf(variant.options, right);
    for (int round = 0; round < 40; ++round) {
      onnx::Model model = made.model;
      const uint64_t changes = 1 + random.Below(3);
      for (uint64_t i = 0; i < changes; ++i) {
        if (!model.graph.nodes.empty()) Break(model.graph, random);
      }
      if (!onnx::Serialize(model).ok()) continue;
      const bundle::Bundle broken = testing::WriteNet(folder_.path() / "broken", model, made.stored);
      Passes(broken, &plan, right);  // whatever it finds: it ends, and reads nothing that is not there
      Passes(right, nullptr, broken);
    }
  }
}

}  // namespace
}  // namespace vlaq::verify
