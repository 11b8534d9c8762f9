#include "families/onnx/propose.h"

#include <gmock/gmock.h>

#include "families/onnx/testing.h"
#include "families/onnx/value_kind.h"

namespace vlaq::importing {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the module's own helpers
using policy::Input;
using policy::InputType;
using policy::StepKind;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// A file with these ports; what it computes does not matter here.
Source File(std::string name, std::vector<onnx::ValueInfo> inputs, std::vector<onnx::ValueInfo> outputs) {
  Source source;
  source.graph = name;
  source.file = name + ".onnx";
  source.clean.model.graph.inputs = std::move(inputs);
  source.clean.model.graph.outputs = std::move(outputs);
  return source;
}

Proposal Proposed(const std::vector<Source>& sources) {
  auto proposal = Propose(sources);
  EXPECT_TRUE(proposal.ok()) << proposal.error().ToString();
  return proposal.ok() ? *std::move(proposal) : Proposal{};
}
std::string ProposalError(const std::vector<Source>& sources) {
  const auto proposal = Propose(sources);
  return proposal.ok() ? "ok" : proposal.error().ToString();
}

std::vector<std::string> Settings(const Proposal& proposal) {
  std::vector<std::string> settings;
  for (const policy::Assumption& assumption : proposal.assumptions) settings.push_back(assumption.setting);
  return settings;
}

TEST(Propose, AnActPolicyOfOneFile) {
  const Proposal proposal =
      Proposed({File("act", {Value("observation.state", {1, 5}), Value("observation.images.scene", {1, 3, 48, 64})},
                     {Value("other", {1, 2}), Value("action", {1, 6, 4})})});
  const policy::Policy& policy = proposal.policy;
  EXPECT_EQ(policy.family, "onnx");
  ASSERT_EQ(policy.inputs.size(), 2U);
  EXPECT_EQ(policy.inputs[0].type, InputType::kState);
  EXPECT_THAT(policy.inputs[0].shape, ElementsAre(5));
  EXPECT_TRUE(policy.inputs[0].batched);
  EXPECT_EQ(policy.inputs[1].type, InputType::kImage);
  EXPECT_EQ(policy.inputs[1].layout, policy::ImageLayout::kChw);
  EXPECT_THAT(policy.inputs[1].shape, ElementsAre(3, 48, 64));
  EXPECT_EQ(policy.inputs[1].preprocess.normalization, image::Normalization::kNone);
  EXPECT_EQ(policy.inputs[1].preprocess.resize, image::Filter::kBilinear);
  ASSERT_EQ(policy.outputs.size(), 2U);
  EXPECT_EQ(policy.outputs[0].name, "action");
  EXPECT_THAT(policy.outputs[0].shape, ElementsAre(6, 4));
  const policy::Graph& graph = policy.graphs.at("act");
  EXPECT_EQ(graph.file, "act.onnx");
  EXPECT_THAT(graph.inputs, Contains(Pair("observation.state", "observation.state")));
  EXPECT_THAT(graph.outputs, Contains(Pair("action", "action")));
  EXPECT_EQ(policy.default_schedule, "default");
  ASSERT_EQ(policy.schedules.at("default").size(), 1U);
  EXPECT_EQ(policy.schedules.at("default")[0].graph, "act");
  EXPECT_THAT(Settings(proposal),
              ElementsAre("inputs.observation.state.normalize", "inputs.observation.images.scene.preprocess",
                          "outputs.action.unnormalize", "control.period_s", "control.n_action_steps"));
}

TEST(Propose, KindsOfInputsByNameTypeAndExtents) {
  const Proposal proposal = Proposed({File(
      "vla",
      {Value("image", {1, 32, 48, 3}, DType::kU8), Value("Wrist_CAM", {1, 3, 32, 32}), Value("input.1", {1, 3, 96, 96}),
       Value("camera_depth", {1, 1, 32, 32}), Value("input_ids", {1, -1}, DType::kI64),
       Value("lang_masks", {1, 6}, DType::kBool), Value("noise", {1, 8, 32}), Value("X_t", {1, 8}),
       Value("timestep", {1}), Value("scalar", {}, DType::kI64)},
      {Value("actions", {1, 16, 7})})});
  std::map<std::string, const Input*> inputs;
  for (const Input& input : proposal.policy.inputs) inputs[input.name] = &input;
  EXPECT_EQ(inputs["image"]->layout, policy::ImageLayout::kHwc);
  EXPECT_EQ(inputs["image"]->type, InputType::kImage);
  EXPECT_EQ(inputs["Wrist_CAM"]->type, InputType::kImage);
  EXPECT_EQ(inputs["input.1"]->type, InputType::kImage);
  EXPECT_THAT(Settings(proposal), Contains("inputs.input.1.type"));
  EXPECT_EQ(inputs["camera_depth"]->type, InputType::kState);
  EXPECT_THAT(Settings(proposal), Contains("inputs.camera_depth.type"));
  EXPECT_EQ(inputs["input_ids"]->type, InputType::kState);
  EXPECT_EQ(inputs["input_ids"]->dtype, DType::kI64);
  EXPECT_THAT(inputs["input_ids"]->shape, ElementsAre(-1));
  EXPECT_EQ(inputs["lang_masks"]->dtype, DType::kBool);
  EXPECT_EQ(inputs["noise"]->type, InputType::kNoise);
  EXPECT_EQ(inputs["X_t"]->type, InputType::kNoise);
  EXPECT_THAT(inputs["timestep"]->shape, IsEmpty());
  EXPECT_TRUE(inputs["timestep"]->batched);
  EXPECT_THAT(inputs["scalar"]->shape, IsEmpty());
  EXPECT_FALSE(inputs["scalar"]->batched);
}

TEST(Propose, WithoutABatchAxisTheWholeShapeCounts) {
  const Proposal proposal =
      Proposed({File("g", {Value("state", {2, 6}), Value("index", {1}, DType::kI64), Value("image", {3, 32, 32})},
                     {Value("y", {1, 5})})});
  for (const Input& input : proposal.policy.inputs) EXPECT_FALSE(input.batched) << input.name;
  EXPECT_THAT(proposal.policy.inputs[0].shape, ElementsAre(2, 6));
  EXPECT_EQ(proposal.policy.inputs[2].type, InputType::kImage);
  EXPECT_FALSE(proposal.policy.outputs[0].batched);
  EXPECT_THAT(proposal.policy.outputs[0].shape, ElementsAre(1, 5));
}

TEST(Propose, NoiseOfFreeExtentsIsGiven) {
  const Proposal proposal = Proposed({File("g", {Value("noise", {1, -1})}, {Value("y", {1, 5})})});
  EXPECT_EQ(proposal.policy.inputs[0].type, InputType::kState);
}

TEST(Propose, AMemoryIsCarried) {
  const Proposal proposal =
      Proposed({File("rnn", {Value("x", {1, 1, 6}), Value("h0", {1, 1, 8}), Value("c0", {1, 1, 8})},
                     {Value("action", {1, 1, 3}), Value("h1", {1, 1, 8}), Value("c1", {1, 1, 8})})});
  const auto& steps = proposal.policy.schedules.at("default");
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0].kind, StepKind::kCarry);
  EXPECT_EQ(steps[0].as, "h0");
  EXPECT_EQ(steps[0].value, "h1");
  EXPECT_THAT(steps[0].shape, ElementsAre(1, 1, 8));
  EXPECT_EQ(steps[1].as, "c0");
  EXPECT_EQ(steps[1].value, "c1");
  EXPECT_EQ(steps[2].kind, StepKind::kRun);
  ASSERT_EQ(proposal.policy.inputs.size(), 1U) << "what is carried is not observed";
  ASSERT_EQ(proposal.policy.outputs.size(), 1U) << "what is carried does not come out";
}

TEST(Propose, MemoriesByTheirNamesAlone) {
  const std::vector<std::pair<std::string, std::string>> carried = {{"h0", "hn"},
                                                                    {"h_in", "h_out"},
                                                                    {"hidden_in", "next_hidden"},
                                                                    {"state_in_0", "state_out_0"},
                                                                    {"past.0.key", "present.0.key"},
                                                                    {"prev_action", "next_action"},
                                                                    {"hidden", "hidden_out"},
                                                                    {"rnn_hidden", "new_rnn_hidden"},
                                                                    {"hin", "hout"},
                                                                    {"c_0", "c_n"},
                                                                    {"INITIAL_H", "final_h"}};
  for (const auto& [input, output] : carried) EXPECT_TRUE(CarriesByName(input, output)) << input << " " << output;
  const std::vector<std::pair<std::string, std::string>> apart = {{"state", "next_state"},
                                                                  {"observation_in", "observation_out"},
                                                                  {"x", "x_out"},
                                                                  {"h0", "c0"},
                                                                  {"h0", "cn"},
                                                                  {"image_in", "image_out"},
                                                                  {"in", "out"},
                                                                  {"noise_in", "noise_out"},
                                                                  {"x0", "xn"},
                                                                  {"h", "h"}};
  for (const auto& [input, output] : apart) EXPECT_FALSE(CarriesByName(input, output)) << input << " " << output;
}

TEST(Propose, AMemoryNeedsOneFormAndOnePartner) {
  const auto inputs_of = [](std::vector<onnx::ValueInfo> inputs, std::vector<onnx::ValueInfo> outputs) {
    return Proposed({File("g", std::move(inputs), std::move(outputs))}).policy.inputs.size();
  };
  EXPECT_EQ(inputs_of({Value("h_in", {1, 8})}, {Value("h_out", {1, 8}), Value("y", {1})}), 0U);
  EXPECT_EQ(inputs_of({Value("h_in", {1, 8})}, {Value("h_out", {1, 9}), Value("y", {1})}), 1U);
  EXPECT_EQ(inputs_of({Value("h_in", {-1, 8})}, {Value("h_out", {-1, 8}), Value("y", {1})}), 1U);
  EXPECT_EQ(inputs_of({Value("h_in", {1, 8}, DType::kF64)}, {Value("h_out", {1, 8}), Value("y", {1})}), 1U);
  EXPECT_EQ(inputs_of({Value("h_in", {1, 8})}, {Value("h_out", {1, 8}), Value("h_next", {1, 8}), Value("y", {1})}), 1U);
}

TEST(Propose, TwoFilesByName) {
  const Proposal proposal = Proposed(
      {File("head", {Value("tokens", {1, 25, 32}), Value("noise", {1, 8, 32})}, {Value("actions", {1, 16, 7})}),
       File("encoder", {Value("image", {1, 3, 32, 48}), Value("state", {1, 7})},
            {Value("tokens", {1, 25, 32}), Value("mask", {1, 25})})});
  const policy::Policy& policy = proposal.policy;
  EXPECT_EQ(policy.graphs.at("head").inputs.at("tokens"), "tokens");
  const auto& steps = policy.schedules.at("default");
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].graph, "encoder");
  EXPECT_EQ(steps[1].graph, "head");
  EXPECT_THAT(policy.compare, ElementsAre("tokens"));
  EXPECT_THAT(policy.outputs,
              ElementsAre(Field(&policy::Output::name, "actions"), Field(&policy::Output::name, "mask")));
}

TEST(Propose, TwoFilesByTheOnlyEqualForm) {
  const std::vector<Source> sources = {
      File("a", {Value("state", {1, 7})}, {Value("hidden", {1, 32}), Value("m", {1, 3})}),
      File("b", {Value("z", {1, 32})}, {Value("y", {1, 2})})};
  const Proposal proposal = Proposed(sources);
  EXPECT_EQ(proposal.policy.graphs.at("b").inputs.at("z"), "hidden");
  EXPECT_THAT(Settings(proposal), Contains("graphs.b.inputs.z"));
  std::vector<Source> unclear = sources;
  unclear[0].clean.model.graph.outputs.push_back(Value("other", {1, 32}));
  EXPECT_EQ(Proposed(unclear).policy.graphs.at("b").inputs.at("z"), "z") << "two would do";
}

TEST(Propose, AGuessMakesNoCircle) {
  const Proposal proposal = Proposed(
      {File("a", {Value("x", {1, 8})}, {Value("z", {1, 8})}), File("b", {Value("z", {1, 8})}, {Value("y", {1, 8})})});
  EXPECT_EQ(proposal.policy.graphs.at("a").inputs.at("x"), "x");
  EXPECT_EQ(proposal.policy.graphs.at("b").inputs.at("z"), "z");
}

TEST(Propose, OneInputOfTwoFilesIsOneValueIfItIsAlike) {
  std::vector<Source> sources = {File("a", {Value("state", {1, 7})}, {Value("u", {1, 2})}),
                                 File("b", {Value("state", {1, 7})}, {Value("v", {1, 3})})};
  EXPECT_EQ(Proposed(sources).policy.inputs.size(), 1U);
  sources[1].clean.model.graph.inputs[0] = Value("state", {1, 9});
  EXPECT_THAT(Proposed(sources).policy.inputs,
              UnorderedElementsAre(Field(&Input::name, "a.state"), Field(&Input::name, "b.state")));
}

TEST(Propose, WhatCannotBeIsRefusedByName) {
  EXPECT_THAT(ProposalError({File("a", {Value("u", {1, 2})}, {Value("v", {1, 2})}),
                             File("b", {Value("v", {1, 2})}, {Value("u", {1, 2})})}),
              HasSubstr("a.onnx, b.onnx: each reads what another makes"));
  EXPECT_THAT(ProposalError({File("a", {}, {Value("v", {1, 2})}), File("b", {}, {Value("v", {1, 2})}),
                             File("c", {Value("v", {1, 2})}, {Value("y", {1})})}),
              HasSubstr("c.onnx: input 'v': a.onnx and b.onnx both make a value of its name"));
  EXPECT_THAT(ProposalError({File("a", {}, {Value("v", {1, 2}, DType::kF64)}),
                             File("b", {Value("v", {1, 2})}, {Value("y", {1})})}),
              HasSubstr("b.onnx: input 'v': is float32 [1, 2], what a.onnx makes is float64 [1, 2]"));
  onnx::ValueInfo shapeless = Value("s", {});
  shapeless.has_shape = false;
  EXPECT_THAT(ProposalError({File("a", {shapeless}, {Value("y", {1})})}),
              HasSubstr("input 's': says nothing of its axes"));
  EXPECT_THAT(ProposalError({File("a", {Value("x", {1})}, {shapeless})}),
              HasSubstr("output 's': says nothing of its axes"));
  EXPECT_THAT(ProposalError({File("a", {Value("h_in", {1, 8})}, {Value("h_out", {1, 8})})}),
              HasSubstr("nothing would come out"));
}

TEST(CheckFits, NamesWhatTheFilesDoNotHave) {
  const std::vector<Source> sources = {File("g", {Value("x", {1, 2})}, {Value("y", {1, 2})})};
  const policy::Policy good = Proposed(sources).policy;
  EXPECT_TRUE(CheckFits(good, sources, "p.json").ok());
  const auto complaint = [&](auto change) {
    policy::Policy policy = good;
    change(policy);
    const Status status = CheckFits(policy, sources, "p.json");
    return status.ok() ? "ok" : status.error().ToString();
  };
  EXPECT_THAT(complaint([](policy::Policy& p) { p.graphs["other"].file = "other.onnx"; }),
              HasSubstr("p.json: graphs.other: no such file was given"));
  EXPECT_THAT(complaint([](policy::Policy& p) { p.graphs["g"].file = "h.onnx"; }), HasSubstr("graphs.g.file"));
  EXPECT_THAT(complaint([](policy::Policy& p) { p.graphs["g"].inputs.clear(); }),
              HasSubstr("p.json: graphs.g.inputs.x: is missing"));
  EXPECT_THAT(complaint([](policy::Policy& p) { p.graphs["g"].outputs["z"] = "z"; }),
              HasSubstr("graphs.g.outputs.z: the graph has none of that name; it has y"));
  EXPECT_THAT(complaint([](policy::Policy& p) { p.graphs.clear(); }), HasSubstr("says nothing of the graph g"));
}

}  // namespace
}  // namespace vlaq::importing
