#include "families/onnx/normalize.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/version.h"
#include "families/onnx/lift_weights.h"
#include "families/onnx/names.h"
#include "families/onnx/tidy.h"
#include "onnx/operator_types.h"

namespace vlaq::importing {
namespace {

constexpr std::array<std::string_view, 3> kDomains = {"", "ai.onnx.ml", "com.microsoft"};
// Files before this version say that every initializer is an input too.
constexpr int64_t kFirstWithWeightsApart = 4;

using Names = std::set<std::string, std::less<>>;

std::string Place(const onnx::Node& node) {
  const std::string_view name = node.name.empty() && !node.outputs.empty() ? node.outputs[0] : node.name;
  return fmt::format("node {}'{}' ({}{}{})", node.name.empty() ? "that makes " : "", name.substr(0, 200), node.domain,
                     node.domain.empty() ? "" : "::", node.op_type.substr(0, 200));
}

// `domains` collects those that are used.
Status CheckDomains(const onnx::Graph& graph, Names& domains) {
  Status status;
  for (const onnx::Node& node : graph.nodes) {
    if (std::ranges::find(kDomains, node.domain) == kDomains.end()) {
      return InputError(Place(node), fmt::format("operators of domain '{}' are not known", node.domain.substr(0, 200)),
                        "export the model with operators of ai.onnx, or with the function that it stands for");
    }
    domains.insert(node.domain);
    LookAtSubgraphs(node, [&](const onnx::Graph& subgraph) {
      if (status.ok()) status = CheckDomains(subgraph, domains);
    });
    if (!status.ok()) return status;
  }
  return {};
}

// A name means one value all over a graph and its subgraphs.
Status CheckShadows(const onnx::Graph& graph, const Names& outside) {
  Names defined = DefinedBy(graph);
  for (const std::string& name : defined) {
    if (outside.contains(name)) return InputError(fmt::format("value '{}'", name.substr(0, 200)), "is made twice");
  }
  defined.insert(outside.begin(), outside.end());
  Status status;
  for (const onnx::Node& node : graph.nodes) {
    LookAtSubgraphs(node, [&](const onnx::Graph& subgraph) {
      if (!status.ok()) return;
      status = CheckShadows(subgraph, defined);
      if (!status.ok()) status = Within(Place(node), status.error());
    });
    if (!status.ok()) return status;
  }
  return {};
}

Status CheckPorts(const onnx::Graph& graph) {
  const auto check = [](const std::vector<onnx::ValueInfo>& ports, std::string_view what) -> Status {
    for (const onnx::ValueInfo& port : ports) {
      if (port.other_type.empty()) continue;
      return InputError(fmt::format("{} '{}'", what, port.name.substr(0, 200)),
                        fmt::format("is {}, and a policy's values are tensors of numbers", port.other_type));
    }
    return {};
  };
  VLAQ_RETURN_IF_ERROR(check(graph.inputs, "input"));
  VLAQ_RETURN_IF_ERROR(check(graph.outputs, "output"));
  return graph.outputs.empty() ? Status(InputError("", "the graph has no outputs")) : Status();
}

}  // namespace

std::vector<std::string> Cleaning::Lines() const {
  std::vector<std::string> lines;
  const auto count = [&](size_t number, std::string_view one, std::string_view many) {
    if (number > 0) lines.push_back(fmt::format("{} {}", number, number == 1 ? one : many));
  };
  const auto names = [&](const std::vector<std::string>& list, std::string_view what) {
    constexpr size_t kShown = 5;
    if (list.empty()) return;
    const std::vector<std::string> shown(list.begin(),
                                         list.begin() + static_cast<int64_t>(std::min(list.size(), kShown)));
    const std::string more = list.size() > kShown ? fmt::format(" and {} more", list.size() - kShown) : "";
    lines.push_back(fmt::format("{}: {}{}", what, fmt::join(shown, ", "), more));
  };
  names(functions, "functions put in the place of their calls");
  names(former_inputs, "inputs that are weights now");
  names(unused, "weights that nothing read, left out");
  count(constants, "Constant node became a weight", "Constant nodes became weights");
  count(brought_out, "weight brought out of a subgraph", "weights brought out of subgraphs");
  count(aliases, "Identity of a weight resolved", "Identities of weights resolved");
  count(named_nodes, "node got a name of its own", "nodes got names of their own");
  if (sorted) lines.emplace_back("nodes put in order");
  return lines;
}

Result<CleanModel> Normalize(onnx::ForeignModel foreign) {
  CleanModel clean;
  onnx::Model& model = clean.model = std::move(foreign.model);
  Cleaning& cleaning = clean.cleaning;
  Names domains;
  VLAQ_RETURN_IF_ERROR(CheckDomains(model.graph, domains));
  VLAQ_RETURN_IF_ERROR(CheckPorts(model.graph));
  VLAQ_RETURN_IF_ERROR(onnx::CheckOperatorTypes(model));

  cleaning.functions = std::move(foreign.functions);
  cleaning.sorted = foreign.sorted;
  cleaning.producer = model.producer_name;
  if (!model.producer_version.empty()) cleaning.producer += " " + model.producer_version;
  const auto opset = model.opsets.find("");
  cleaning.opset = opset == model.opsets.end() ? 0 : opset->second;

  cleaning.former_inputs = DropFormerInputs(model.graph);
  Lifted lifted = LiftWeights(model.graph);
  cleaning.constants = lifted.constants;
  cleaning.brought_out = lifted.brought_out;
  clean.origins = std::move(lifted.origins);
  VLAQ_RETURN_IF_ERROR(CheckShadows(model.graph, {}));
  cleaning.aliases = ResolveAliases(model.graph);
  cleaning.unused = DropUnusedWeights(model.graph);
  cleaning.named_nodes = NameNodes(model.graph);
  DropStaleValues(model.graph);

  std::erase_if(model.opsets, [&](const auto& row) { return !row.first.empty() && !domains.contains(row.first); });
  model.ir_version = std::max(model.ir_version, kFirstWithWeightsApart);
  model.metadata.clear();
  model.producer_name = "vlaq";
  model.producer_version = kVersion;
  return clean;
}

Result<CleanModel> ReadClean(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(onnx::ForeignModel foreign, onnx::ReadForeignModel(path));
  auto clean = Normalize(std::move(foreign));
  if (!clean.ok()) return Within(path.string(), clean.error());
  return clean;
}

}  // namespace vlaq::importing
