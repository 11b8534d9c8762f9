#include "families/onnx/weights_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>

#include "base/hash.h"
#include "bundle/hashed_file.h"
#include "families/onnx/names.h"
#include "onnx/model_file.h"

namespace vlaq::importing {
namespace {

constexpr uint64_t kAlignment = 64;
constexpr uint64_t kLargestInGraph = 1024;  // bytes of integers
constexpr uint64_t kSmallestShared = 1024;  // bytes

using Names = std::set<std::string, std::less<>>;

// Scales and sizes must be known when a graph is opened, whatever their type.
void CollectResizeInputs(const onnx::Graph& graph, Names& names) {
  for (const onnx::Node& node : graph.nodes) {
    const bool resizes = node.domain.empty() && (node.op_type == "Resize" || node.op_type == "Upsample");
    for (size_t i = 1; resizes && i < node.inputs.size(); ++i) names.insert(node.inputs[i]);
    LookAtSubgraphs(node, [&](const onnx::Graph& subgraph) { CollectResizeInputs(subgraph, names); });
  }
}

bool IsIntegers(DType dtype) { return dtype == DType::kI64 || dtype == DType::kI32 || dtype == DType::kBool; }

bool StaysInGraph(const onnx::Initializer& initializer, const Names& resize_inputs) {
  const int64_t elements = ElementCount(initializer.shape).value_or(0);
  return elements <= 1 || (IsIntegers(initializer.dtype) && initializer.bytes() <= kLargestInGraph) ||
         resize_inputs.contains(initializer.name);
}

class Store {
 public:
  Store(std::vector<Source>& sources, bundle::HashedFile& file, uint64_t total, Log& log)
      : sources_(sources), file_(file), total_(total), log_(log) {
    for (const Source& source : sources) files_.emplace_back(source.file.parent_path());
  }

  Status StoreAll(size_t source) {
    onnx::Graph& graph = sources_[source].clean.model.graph;
    Names resize_inputs, in_graph;
    CollectResizeInputs(graph, resize_inputs);
    FreshNames names;
    for (const auto& [name, count] : DefinitionsOf(graph)) {
      names.Take(name);
      in_graph.insert(name);
    }
    Renames renames;
    std::vector<onnx::Initializer> kept;
    for (onnx::Initializer& initializer : graph.initializers) {
      ++stored_.initializers;
      auto loaded = files_[source].Load(initializer);
      if (!loaded.ok()) return Within(sources_[source].file.string(), loaded.error());
      if (StaysInGraph(initializer, resize_inputs)) {
        ++stored_.in_graphs;
        initializer.data = *std::move(loaded);
        kept.push_back(std::move(initializer));
        continue;
      }
      VLAQ_RETURN_IF_ERROR(StoreOne(source, initializer, *loaded, {in_graph, names, renames, kept}));
    }
    graph.initializers = std::move(kept);
    RenameUses(graph, renames);
    return {};
  }

  StoredWeights Finish(bundle::FileRecord file) {
    stored_.file = std::move(file);
    return std::move(stored_);
  }

 private:
  // Where a stored weight came from, to compare another one with it.
  struct Origin {
    size_t source;
    onnx::Initializer initializer;
  };
  struct GraphNames {
    const Names& in_graph;
    FreshNames& fresh;
    Renames& renames;
    std::vector<onnx::Initializer>& kept;
  };

  Status StoreOne(size_t source, const onnx::Initializer& initializer, const Tensor& tensor, const GraphNames& names) {
    const std::string xxh3 = Xxh3Hex(tensor.bytes());
    const std::string origin = SourceName(source, initializer.name);
    VLAQ_ASSIGN_OR_RETURN(const bool shares, Share(initializer, tensor, xxh3, origin, names));
    if (!shares) VLAQ_RETURN_IF_ERROR(Append(source, initializer, tensor, xxh3, origin, names));
    files_[source].Release(initializer);
    done_ += initializer.bytes();
    log_.Progress("weights", done_, total_);
    return {};
  }

  // Takes an equal weight that is stored already, if the graph has no other value of its name.
  Result<bool> Share(const onnx::Initializer& initializer, const Tensor& tensor, const std::string& xxh3,
                     const std::string& origin, const GraphNames& names) {
    if (tensor.bytes().size() < kSmallestShared) return false;
    const auto [first, last] = by_content_.equal_range(xxh3);
    for (auto it = first; it != last; ++it) {
      bundle::WeightRecord& record = stored_.records[it->second];
      if (record.dtype != initializer.dtype || record.shape != initializer.shape) continue;
      const Origin& other = origins_[it->second];
      VLAQ_ASSIGN_OR_RETURN(const Tensor theirs, files_[other.source].Load(other.initializer));
      if (!std::ranges::equal(theirs.bytes(), tensor.bytes())) continue;
      const bool is_there = std::ranges::find(names.kept, record.name, &onnx::Initializer::name) != names.kept.end();
      if (!is_there && record.name != initializer.name && names.in_graph.contains(record.name)) continue;
      record.sources.push_back(origin);
      ++stored_.shared;
      if (record.name != initializer.name) names.renames[initializer.name] = record.name;
      if (!is_there) names.kept.push_back(Placed(record));
      return true;
    }
    return false;
  }

  Status Append(size_t source, const onnx::Initializer& initializer, const Tensor& tensor, const std::string& xxh3,
                const std::string& origin, const GraphNames& names) {
    const uint64_t offset = (end_ + kAlignment - 1) / kAlignment * kAlignment;
    VLAQ_RETURN_IF_ERROR(file_.PadTo(offset));
    VLAQ_RETURN_IF_ERROR(file_.Write(tensor.bytes()));
    end_ = offset + tensor.bytes().size();
    std::string name = initializer.name;
    if (!record_names_.insert(name).second) {
      do {
        name = names.fresh.Make(fmt::format("{}/{}", sources_[source].graph, initializer.name));
      } while (!record_names_.insert(name).second);
      names.renames[initializer.name] = name;
    }
    by_content_.emplace(xxh3, stored_.records.size());
    origins_.push_back({source, initializer});
    stored_.records.push_back(
        {name, initializer.dtype, initializer.shape, offset, tensor.bytes().size(), "copy", {origin}, xxh3});
    names.kept.push_back(Placed(stored_.records.back()));
    return {};
  }

  static onnx::Initializer Placed(const bundle::WeightRecord& record) {
    return {record.name, record.dtype, record.shape,
            onnx::ExternalData{std::string(bundle::kWeightsFile), record.offset, record.length}};
  }

  std::string SourceName(size_t source, const std::string& name) const {
    const auto& origins = sources_[source].clean.origins;
    const auto origin = origins.find(name);
    return fmt::format("{}:{}", sources_[source].file.filename().string(),
                       origin == origins.end() ? name : origin->second);
  }

  std::vector<Source>& sources_;
  bundle::HashedFile& file_;
  uint64_t total_;
  Log& log_;
  std::deque<onnx::WeightFiles> files_;            // by source
  std::vector<Origin> origins_;                    // by record
  std::multimap<std::string, size_t> by_content_;  // XXH3 -> record
  Names record_names_;
  StoredWeights stored_;
  uint64_t end_ = 0, done_ = 0;
};

}  // namespace

Result<StoredWeights> StoreWeights(std::vector<Source>& sources, const std::filesystem::path& path, Log& log) {
  uint64_t total = 0;
  for (const Source& source : sources) {
    for (const onnx::Initializer& initializer : source.clean.model.graph.initializers) total += initializer.bytes();
  }
  VLAQ_ASSIGN_OR_RETURN(auto file, bundle::HashedFile::Create(path));
  VLAQ_RETURN_IF_ERROR(file.Expect(total));
  Store store(sources, file, total, log);
  for (size_t i = 0; i < sources.size(); ++i) VLAQ_RETURN_IF_ERROR(store.StoreAll(i));
  VLAQ_ASSIGN_OR_RETURN(bundle::FileRecord record, file.Commit());
  return store.Finish(std::move(record));
}

}  // namespace vlaq::importing
