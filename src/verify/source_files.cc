#include "verify/source_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "onnx/foreign.h"
#include "onnx/model_file.h"
#include "verify/graph_match.h"

namespace vlaq::verify {
namespace {

using bundle::Bundle;

constexpr size_t kShownNames = 3;

std::string FirstNames(const std::vector<std::string>& names) {
  const auto shown = static_cast<std::ptrdiff_t>(std::min(names.size(), kShownNames));
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, "; "));
  if (names.size() > kShownNames) text += fmt::format("; and {} more", names.size() - kShownNames);
  return text;
}

std::filesystem::path FolderOf(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

// Empty, or how two weights that stand in one another's place differ.
std::string HowWeightsDiffer(const onnx::Initializer& expected, const onnx::Initializer& actual,
                             onnx::WeightFiles& files, onnx::WeightFiles& own) {
  if (expected.dtype != actual.dtype || expected.shape != actual.shape) {
    return fmt::format("is {} {} instead of {} {}", DTypeName(actual.dtype), ShapeText(actual.shape),
                       DTypeName(expected.dtype), ShapeText(expected.shape));
  }
  const auto wanted = files.Load(expected);
  const auto found = own.Load(actual);
  if (!wanted.ok()) return wanted.error().ToString();
  if (!found.ok()) return found.error().ToString();
  const auto [a, b] = std::ranges::mismatch(wanted->bytes(), found->bytes());
  const auto at = a - wanted->bytes().begin();
  const bool same = a == wanted->bytes().end() && b == found->bytes().end();
  files.Release(expected);
  own.Release(actual);
  return same ? "" : fmt::format("differs from '{}' of the file at byte {}", expected.name, at);
}

// What tells tensors apart.
using Content = std::tuple<DType, Shape, std::string>;
Content ContentOf(const Tensor& tensor) { return {tensor.dtype(), tensor.shape(), Xxh3Hex(tensor.bytes())}; }

// The tensors of a file as they stand in it, wherever that is, without any of the code that cleans graphs: initializers
// and Constant nodes, those of subgraphs too, of which something reads the value.
class TensorsOfFile {
 public:
  TensorsOfFile(const onnx::Graph& graph, onnx::WeightFiles& files) : files_(files) { Collect(graph); }

  const Status& status() const { return status_; }
  const std::vector<std::pair<std::string, Content>>& read() const { return read_; }
  const std::vector<std::string>& unread() const { return unread_; }

 private:
  void Collect(const onnx::Graph& graph) {
    for (const onnx::ValueInfo& output : graph.outputs) reads_.insert(output.name);
    // From the end, so that readers are known before what they read.
    for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) Visit(*node);
    for (const onnx::Initializer& initializer : graph.initializers) {
      auto tensor = files_.Load(initializer);
      if (!tensor.ok()) {
        status_ = tensor.error();
        return;
      }
      Add(initializer.name, *tensor);
      files_.Release(initializer);
    }
  }

  void Visit(const onnx::Node& node) {
    const bool needed =
        std::ranges::any_of(node.outputs, [&](const std::string& output) { return reads_.contains(output); });
    // A copy that nothing reads keeps no weight in use; other operators that nothing reads stand in the bundle, too.
    if (node.op_type == "Identity" && node.domain.empty() && !needed) return;
    reads_.insert(node.inputs.begin(), node.inputs.end());
    const bool constant = node.op_type == "Constant" && node.domain.empty() && node.outputs.size() == 1;
    for (const auto& [name, value] : node.attributes) {
      const auto* graph = std::get_if<std::shared_ptr<const onnx::Graph>>(&value);
      if (graph != nullptr) Collect(**graph);
      const auto* tensor = std::get_if<Tensor>(&value);
      if (constant && tensor != nullptr) Add(node.outputs[0], *tensor);
    }
  }

  void Add(const std::string& name, const Tensor& tensor) {
    if (reads_.contains(name)) {
      read_.emplace_back(name, ContentOf(tensor));
    } else {
      unread_.push_back(name);
    }
  }

  onnx::WeightFiles& files_;
  std::set<std::string, std::less<>> reads_;
  std::vector<std::pair<std::string, Content>> read_;
  std::vector<std::string> unread_;
  Status status_;
};

class SourceFileChecker {
 public:
  SourceFileChecker(const Bundle& bundle, Against against, Log& log, Report& report)
      : bundle_(bundle), against_(against), log_(log), report_(report), own_(bundle.path) {}

  Status Run(std::span<const SourceFile> files) {
    size_t done = 0;
    for (const SourceFile& file : files) {
      if (against_ == Against::kFiles) NoteOtherFile(file);
      VLAQ_RETURN_IF_ERROR(CompareOne(file));
      log_.Progress("files", ++done, files.size());
    }
    for (const auto& [graph, record] : bundle_.graphs) {
      if (std::ranges::find(files, graph, &SourceFile::graph) != files.end()) continue;
      report_.untestable.push_back(
          {0, fmt::format("graph '{}'", graph), "the file that it was made of is not given", true});
    }
    Tell();
    return {};
  }

 private:
  Status CompareOne(const SourceFile& file) {
    const auto record = bundle_.graphs.find(file.graph);
    if (record == bundle_.graphs.end()) {
      different_.push_back(fmt::format("the bundle has no graph '{}'", file.graph));
      return {};
    }
    const auto model = onnx::ReadModel(bundle_.path / record->second.file);
    if (!model.ok()) {  // a bundle that cannot be read is nobody's: a verdict, not an error
      different_.push_back(model.error().ToString());
      return {};
    }
    CompareGraphs(file, *model);
    return CompareTensors(file, *model);
  }

  void CompareGraphs(const SourceFile& file, const onnx::Model& model) {
    onnx::WeightFiles weights(FolderOf(file.file));
    const auto pair = [&](const onnx::Initializer& expected, const onnx::Initializer& actual) {
      ++pairs_;
      const std::string wrong = HowWeightsDiffer(expected, actual, weights, own_);
      if (!wrong.empty()) weights_.push_back(fmt::format("{}: '{}' {}", file.graph, actual.name, wrong));
    };
    std::string difference;
    if (file.model.opsets != model.opsets) difference = "it is of another opset";
    if (model.local_functions > 0) difference = "it has functions of its own";
    if (difference.empty()) difference = FirstDifference(file.model.graph, model.graph, pair);
    operators_ += model.graph.nodes.size();
    if (difference.empty()) return;
    different_.push_back(
        fmt::format("{} is not the graph of {}: {}", file.graph, file.file.filename().string(), difference));
  }

  Status CompareTensors(const SourceFile& file, const onnx::Model& model) {
    VLAQ_ASSIGN_OR_RETURN(const onnx::ForeignModel foreign, onnx::ReadForeignModel(file.file));
    onnx::WeightFiles beside(FolderOf(file.file));
    const TensorsOfFile tensors(foreign.model.graph, beside);
    if (!tensors.status().ok()) return Within(file.file.string(), tensors.status().error());
    std::set<Content> stored;
    for (const onnx::Initializer& initializer : model.graph.initializers) {
      const auto tensor = own_.Load(initializer);
      if (tensor.ok()) stored.insert(ContentOf(*tensor));
      own_.Release(initializer);
    }
    for (const auto& [name, content] : tensors.read()) {
      ++tensors_;
      if (!stored.contains(content)) {
        missing_.push_back(
            fmt::format("'{}' of {} is not in graph '{}'", name, file.file.filename().string(), file.graph));
      }
    }
    if (!tensors.unread().empty()) {
      report_.notes.push_back(fmt::format("{}: {} that nothing reads {} not looked for: {}",
                                          file.file.filename().string(), Counted(tensors.unread().size(), "tensor"),
                                          tensors.unread().size() == 1 ? "is" : "are", FirstNames(tensors.unread())));
    }
    return {};
  }

  void NoteOtherFile(const SourceFile& file) {
    const auto found = bundle::Describe(file.file);
    const auto is_it = [&](const bundle::FileRecord& source) { return found.ok() && source.sha256 == found->sha256; };
    if (std::ranges::any_of(bundle_.provenance.sources, is_it)) return;
    report_.notes.push_back(
        fmt::format("{} is not the file that was imported (other SHA-256); what it holds is compared all the same",
                    file.file.string()));
  }

  Check AsCheck(std::string name, const std::vector<std::string>& wrong, std::string good, size_t looked_at) const {
    Check check{0, std::move(name), wrong.empty(), wrong.empty() ? std::move(good) : FirstNames(wrong), {}};
    if (check.passed) check.against = against_;
    check.figures = {{"looked_at", static_cast<double>(looked_at)}, {"wrong", static_cast<double>(wrong.size())}};
    return check;
  }

  void Tell() {
    const std::string from = against_ == Against::kFiles ? "the files" : "the source";
    const auto number = [](size_t count) { return Grouped(static_cast<int64_t>(count)); };
    report_.checks.push_back(
        AsCheck("structure", different_,
                fmt::format("all {} operators compute what those of {} do", number(operators_), from), operators_));
    report_.checks.push_back(
        AsCheck(fmt::format("weights of {}", from), weights_,
                fmt::format("{} weights are those that stand in their place in {}", number(pairs_), from), pairs_));
    report_.checks.push_back(
        AsCheck(fmt::format("tensors of {}", from), missing_,
                fmt::format("{} tensors of {} are in the bundle, bit for bit", number(tensors_), from), tensors_));
  }

  const Bundle& bundle_;
  Against against_;
  Log& log_;
  Report& report_;
  onnx::WeightFiles own_;
  size_t operators_ = 0, pairs_ = 0, tensors_ = 0;
  std::vector<std::string> different_, weights_, missing_;
};

}  // namespace

Status CheckSourceFiles(const Bundle& bundle, std::span<const SourceFile> files, Log& log, Report& report) {
  return SourceFileChecker(bundle, Against::kFiles, log, report).Run(files);
}

Status CheckSourceGraphs(const Bundle& bundle, const Bundle& source, Log& log, Report& report) {
  std::vector<SourceFile> files;
  for (const auto& [graph, record] : source.graphs) {
    const std::filesystem::path path = source.path / record.file;
    VLAQ_ASSIGN_OR_RETURN(onnx::Model model, onnx::ReadModel(path));
    files.push_back({graph, path, std::move(model)});
  }
  return SourceFileChecker(bundle, Against::kSource, log, report).Run(files);
}

}  // namespace vlaq::verify
