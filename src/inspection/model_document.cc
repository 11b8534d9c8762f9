#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/mapped_file.h"
#include "bundle/bundle.h"
#include "families/family.h"
#include "inspection/documents.h"
#include "inspection/inspect.h"
#include "onnx/model_file.h"
#include "onnx/summary.h"

namespace vlaq::inspection {
namespace fs = std::filesystem;
namespace {

Json Ports(const std::vector<onnx::ValueInfo>& values) {
  Json list = Json::array();
  for (const onnx::ValueInfo& value : values) {
    const bool tensor = value.other_type.empty();
    Json row{{"name", value.name}, {"type", tensor ? std::string(DTypeName(value.dtype)) : value.other_type}};
    if (tensor && value.has_shape) {
      Json dims = Json::array();
      for (const onnx::Dim& dim : value.dims) {
        if (dim.value >= 0) {
          dims.push_back(dim.value);
        } else {
          dims.push_back(dim.name.empty() ? "?" : dim.name);
        }
      }
      row["shape"] = std::move(dims);
    }
    list.push_back(std::move(row));
  }
  return list;
}

Json ExternalFiles(const onnx::Model& model, const fs::path& folder) {
  std::map<std::string, uint64_t> used;
  for (const onnx::Initializer& initializer : model.graph.initializers) {
    if (const auto* data = std::get_if<onnx::ExternalData>(&initializer.data)) used[data->location] += data->length;
  }
  Json list = Json::array();
  for (const auto& [location, bytes] : used) {
    std::error_code error;
    const uint64_t size = fs::file_size(folder / location, error);
    list.push_back({{"file", location}, {"bytes", error ? 0 : size}, {"bytes_used", bytes}});
  }
  return list;
}

Json Describe(const onnx::Model& model, const fs::path& folder, bool tensors) {
  const onnx::Summary summary = onnx::Summarize(model);
  Json document{{"ir_version", model.ir_version}};
  Json opsets = Json::object();
  for (const auto& [domain, version] : model.opsets) opsets[domain.empty() ? "ai.onnx" : domain] = version;
  document["opsets"] = std::move(opsets);
  document["producer"] = model.producer_name + (model.producer_version.empty() ? "" : " " + model.producer_version);
  document["inputs"] = Ports(summary.inputs);
  document["outputs"] = Ports(summary.outputs);
  document["nodes"] = summary.nodes;
  document["operators"] = summary.operators;
  document["tensors"] = summary.total.tensors;
  document["parameters"] = summary.total.elements;
  document["bytes"] = summary.total.bytes();
  Json dtypes = Json::array();
  for (const auto& [dtype, weights] : summary.weights) {
    dtypes.push_back({{"dtype", DTypeName(dtype)},
                      {"tensors", weights.tensors},
                      {"parameters", weights.elements},
                      {"bytes", weights.bytes()},
                      {"external_bytes", weights.external_bytes}});
  }
  document["dtypes"] = std::move(dtypes);
  document["external"] = ExternalFiles(model, folder);
  if (model.local_functions > 0) document["local_functions"] = model.local_functions;
  if (tensors) {
    Json list = Json::array();
    for (const onnx::Initializer& initializer : model.graph.initializers) {
      list.push_back({{"name", initializer.name},
                      {"dtype", DTypeName(initializer.dtype)},
                      {"shape", initializer.shape},
                      {"bytes", initializer.bytes()},
                      {"external", initializer.is_external()}});
    }
    document["tensor_list"] = std::move(list);
  }
  return document;
}

// The part of the policy that a weight belongs to, by the first modules of its name: "vision_model.encoder", "rnn".
// The numbers of layers, and "model", which says nothing, are left out.
std::string PartOf(const std::string& name) {
  constexpr int kModules = 2;
  std::string part;
  int modules = 0;
  for (size_t begin = 0; modules < kModules;) {
    const size_t end = name.find('.', begin);
    if (end == std::string::npos) break;  // the parameter's own name
    const std::string module = name.substr(begin, end - begin);
    begin = end + 1;
    if (module.find_first_not_of("0123456789") == std::string::npos || module == "model") continue;
    part += (part.empty() ? "" : ".") + module;
    ++modules;
  }
  return part.empty() ? name : part;
}

// Where the bytes are: by part and type, in the order of the file.
Json Parts(const std::vector<bundle::WeightRecord>& weights) {
  struct PartRow {
    std::string part;
    DType dtype;
    uint64_t bytes = 0;
    int64_t parameters = 0, tensors = 0;
  };
  std::vector<PartRow> rows;
  for (const bundle::WeightRecord& weight : weights) {
    const std::string part = PartOf(weight.name);
    auto row = std::ranges::find_if(rows, [&](const PartRow& r) { return r.part == part && r.dtype == weight.dtype; });
    if (row == rows.end()) row = rows.insert(rows.end(), PartRow{part, weight.dtype});
    row->bytes += weight.length;
    row->parameters += *ElementCount(weight.shape);
    ++row->tensors;
  }
  std::ranges::stable_sort(rows, {}, &PartRow::part);
  Json list = Json::array();
  for (const PartRow& row : rows) {
    list.push_back({{"part", row.part},
                    {"dtype", DTypeName(row.dtype)},
                    {"tensors", row.tensors},
                    {"parameters", row.parameters},
                    {"bytes", row.bytes}});
  }
  return list;
}

// Numbers that no checkpoint holds: tables that export computes, and what an encoding adds to the values themselves.
bool IsComputed(const bundle::WeightRecord& weight) {
  // A quantized bundle names the table of the bundle it was made from as the table's source.
  return weight.sources.empty() || weight.transform.find("scales") != std::string::npos ||
         weight.name.find("embed_positions") != std::string::npos;
}

// Reads the weights file in the order in which it lies.
Result<Json> NonFiniteWeights(const bundle::Bundle& bundle, const std::vector<bundle::WeightRecord>& weights,
                              Log& log) {
  Json list = Json::array();
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(bundle.WeightsPath()));
  for (const bundle::WeightRecord& weight : weights) {
    const Bytes bytes = file->bytes().subspan(weight.offset, weight.length);
    const NonFinite found = FindNonFinite(weight.dtype, bytes);
    if (found.any()) list.push_back(NonFiniteRow(weight.name, found, *ElementCount(weight.shape), log));
    file->Release(bytes);
  }
  return list;
}

uint64_t BytesOf(const bundle::Bundle& bundle) {
  uint64_t bytes = bundle.weights.bytes + (bundle.tokenizer ? bundle.tokenizer->bytes : 0);
  for (const auto& [role, file] : bundle.graphs) bytes += file.bytes;
  return bytes;
}

Json AsJson(const bundle::FileRecord& file) {
  return {{"file", file.file}, {"bytes", file.bytes}, {"sha256", file.sha256}};
}

}  // namespace

Json AssumptionsAsJson(const std::string& family, const std::vector<policy::Assumption>& assumptions) {
  Json list = Json::array();
  for (const policy::Assumption& assumption : assumptions) {
    list.push_back({{"setting", assumption.setting},
                    {"value", assumption.value},
                    {"text", assumption.text},
                    {"can_hurt", families::CanHurt(family, assumption.setting)}});
  }
  return list;
}

Json NonFiniteRow(const std::string& tensor, const NonFinite& found, int64_t elements, Log& log) {
  log.Warning(fmt::format("tensor '{}': {}", tensor, found.Describe(elements)));
  return {{"tensor", tensor},
          {"count", found.count},
          {"first", found.first},
          {"value", fmt::format("{}", found.value)},
          {"elements", elements}};
}

Json NewDocument(std::string_view kind, const fs::path& path) {
  return {{"schema", "vlaq.inspect/1"}, {"kind", kind}, {"path", path.string()}};
}

Result<Json> InspectModel(const fs::path& path, const InspectOptions& options) {
  VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(path));
  Json document = NewDocument("onnx", path);
  document.update(Describe(model, path.has_parent_path() ? path.parent_path() : ".", options.tensors));
  if (options.hash) {
    VLAQ_ASSIGN_OR_RETURN(const bundle::FileRecord record, bundle::Describe(path));
    document["files"] = Json::array({AsJson(record)});
  }
  return document;
}

Result<Json> InspectBundle(const fs::path& path, const InspectOptions& options, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle bundle, bundle::Open(path));
  Json document = NewDocument("bundle", path);
  VLAQ_ASSIGN_OR_RETURN(const Json settings, ParseJson(bundle.policy.settings, path.string() + ": settings"));
  document["architecture"] = bundle.policy.family;
  document["precision"] = bundle.precision;
  document["target"] = bundle.target;
  document["bytes"] = BytesOf(bundle);
  document["tokenizer"] = bundle.tokenizer ? AsJson(*bundle.tokenizer) : Json(nullptr);
  document["baked_prompt"] = policy::TextInput(bundle.policy) == nullptr;
  document["policy"] = settings.empty() ? policy::PolicyToJson(bundle.policy) : settings;
  document["features"] = DescribePolicy(bundle.policy);
  VLAQ_ASSIGN_OR_RETURN(const auto weights, bundle::ReadWeightRecords(bundle));
  int64_t parameters = 0;
  int64_t computed = 0;
  for (const auto& record : weights) (IsComputed(record) ? computed : parameters) += *ElementCount(record.shape);
  document["tensors"] = weights.size();
  document["parameters"] = parameters;
  document["computed"] = computed;
  document["weights"] = AsJson(bundle.weights);
  document["parts"] = Parts(weights);
  Json graphs = Json::object();
  for (const auto& [role, file] : bundle.graphs) {
    VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(bundle.GraphPath(role)));
    Json graph{{"file", file.file}, {"file_bytes", file.bytes}, {"sha256", file.sha256}};
    graph.update(Describe(model, path, options.tensors));
    graphs[role] = std::move(graph);
  }
  document["graphs"] = std::move(graphs);
  document["left_out"] = bundle.left_out;
  Json sources = Json::array();
  for (const auto& source : bundle.provenance.sources) sources.push_back(AsJson(source));
  document["provenance"] = {{"vlaq_version", bundle.provenance.vlaq_version},
                            {"command", bundle.provenance.command},
                            {"sources", std::move(sources)},
                            {"assumptions", AssumptionsAsJson(bundle.policy.family, bundle.provenance.assumptions)}};
  Json found = Json::array();
  for (const auto& file : bundle.provenance.found) found.push_back(AsJson(file));
  document["provenance"]["found"] = std::move(found);
  document["provenance"]["state_dict"] = bundle.provenance.state_dict;
  if (options.hash) {
    Json list = Json::array();
    for (const auto& mismatch : bundle::CheckHashes(bundle)) {
      list.push_back({{"file", mismatch.file}, {"recorded", mismatch.expected}, {"actual", mismatch.actual}});
    }
    document["hash_mismatches"] = std::move(list);
    VLAQ_ASSIGN_OR_RETURN(document["non_finite"], NonFiniteWeights(bundle, weights, log));
  }
  return document;
}

}  // namespace vlaq::inspection
