#include "check/fix.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/version.h"
#include "bundle/bundle.h"
#include "bundle/hashed_file.h"
#include "onnx/shapes.h"

namespace vlaq::check {
namespace fs = std::filesystem;
namespace {

constexpr size_t kAlignment = 64;  // of weights in a file

Report EmptyReport(const Version& version) {
  Report report;
  report.version = &version;
  report.rules = ChecksFor(version).size();
  return report;
}

// One graph fixed, its findings added to `fixed`.
Result<onnx::Model> FixFile(const GraphFile& file, const Version& version, Fixed& fixed) {
  VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, onnx::ReadModel(file.path));
  if (model.local_functions > 0) {
    return InputError(file.path.string(), "has functions of its own, which would be lost in the copy",
                      "export without functions");
  }
  onnx::WeightFiles files(file.path.parent_path());
  VLAQ_ASSIGN_OR_RETURN(FixedModel made, FixModel(model, files, version, file.name));
  std::error_code ignored;
  const uint64_t bytes = fs::file_size(file.path, ignored);
  fixed.before.graphs.push_back({file.name, bytes, static_cast<int64_t>(model.graph.nodes.size())});
  fixed.after.graphs.push_back({file.name, bytes, static_cast<int64_t>(made.model.graph.nodes.size())});
  for (Outcome& outcome : made.outcomes) {
    fixed.before.findings.push_back(outcome.finding);
    fixed.outcomes.push_back(std::move(outcome));
  }
  fixed.after.findings.insert(fixed.after.findings.end(), made.left.begin(), made.left.end());
  return std::move(made.model);
}

Status CheckWritten(const fs::path& source, const fs::path& path) {
  const auto copy = onnx::ReadModel(path);
  const Status status = copy.ok() ? onnx::CheckShapes(*copy) : Status(copy.error());
  if (status.ok()) return {};
  return InputError(source.string(), fmt::format("no valid copy can be made: {}", status.error().what),
                    "nothing was written");
}

// Copies the weights that lie beside `source` to where `place` keeps them for now, and names that file in `model`.
// Returns whether there were any.
Result<bool> CopyWeights(const fs::path& source, const OutputPath& place, onnx::Model& model) {
  onnx::WeightFiles files(source.parent_path());
  std::map<std::pair<std::string, uint64_t>, uint64_t> places;  // source -> offset in the copy
  std::optional<OutputFile> out;
  for (onnx::Initializer& initializer : model.graph.initializers) {
    if (!initializer.is_external()) continue;
    std::error_code ignored;
    auto& external = std::get<onnx::ExternalData>(initializer.data);
    if (fs::equivalent(source.parent_path() / external.location, place.target(), ignored)) {
      return UsageError(fmt::format("{} holds weights of the input", place.target().string()), "give another name");
    }
    if (!out) {
      VLAQ_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(place.path(), Existing::kReplace));
      out = std::move(file);
    }
    const auto [at, fresh] = places.try_emplace({external.location, external.offset}, 0);
    if (fresh) {
      VLAQ_ASSIGN_OR_RETURN(const Tensor tensor, files.Load(initializer));
      VLAQ_RETURN_IF_ERROR(out->AlignTo(kAlignment));
      at->second = out->offset();
      VLAQ_RETURN_IF_ERROR(out->Write(tensor.bytes()));
      files.Release(initializer);
    }
    external = {place.path().filename().string(), at->second, external.length};
  }
  if (out) VLAQ_RETURN_IF_ERROR(out->Commit());
  return out.has_value();
}

// To where `place` keeps it for now.
Status PutModel(const onnx::Model& model, const OutputPath& place) {
  VLAQ_ASSIGN_OR_RETURN(const std::string bytes, onnx::Serialize(model));
  return WriteFile(place.path(), bytes, Existing::kReplace);
}

Status WriteModel(const onnx::Model& model, const fs::path& source, const fs::path& output, Existing existing) {
  VLAQ_ASSIGN_OR_RETURN(OutputPath place, OutputPath::Create(output, existing));
  VLAQ_RETURN_IF_ERROR(PutModel(model, place));
  VLAQ_RETURN_IF_ERROR(CheckWritten(source, place.path()));
  return place.Commit();
}

// Model and weights belong together: neither takes its place, nor that of an earlier one, until both are good.
Status FixFile(const GraphFile& file, const Version& version, const fs::path& output, Existing existing, Fixed& fixed) {
  VLAQ_ASSIGN_OR_RETURN(onnx::Model model, FixFile(file, version, fixed));
  if (existing == Existing::kRefuse && fs::exists(output)) {
    return UsageError(fmt::format("{} exists", output.string()), "--force replaces it");
  }
  const fs::path target = output.parent_path() / (output.stem().string() + ".weights.bin");
  const bool to_refuse = existing == Existing::kRefuse &&
                         std::ranges::any_of(model.graph.initializers, [](const auto& i) { return i.is_external(); });
  VLAQ_ASSIGN_OR_RETURN(OutputPath weights,
                        OutputPath::Create(target, to_refuse ? Existing::kRefuse : Existing::kReplace));
  VLAQ_ASSIGN_OR_RETURN(const bool beside, CopyWeights(file.path, weights, model));
  VLAQ_ASSIGN_OR_RETURN(OutputPath place, OutputPath::Create(output, existing));
  VLAQ_RETURN_IF_ERROR(PutModel(model, place));
  VLAQ_RETURN_IF_ERROR(CheckWritten(file.path, place.path()));
  if (!beside) return place.Commit();
  for (onnx::Initializer& initializer : model.graph.initializers) {
    if (!initializer.is_external()) continue;
    std::get<onnx::ExternalData>(initializer.data).location = target.filename().string();
  }
  VLAQ_RETURN_IF_ERROR(PutModel(model, place));
  VLAQ_RETURN_IF_ERROR(weights.Commit());
  return place.Commit();
}

Status CopyBeside(const bundle::Bundle& source, const bundle::FileRecord& record, const fs::path& folder) {
  return CopyFile(source.path / record.file, folder / record.file);
}

// weights.bin stays what it is, so that its records stay true; new constants lie in the graphs.
Status FixBundle(const fs::path& path, const Version& version, const fs::path& output, Existing existing,
                 Fixed& fixed) {
  VLAQ_ASSIGN_OR_RETURN(const bundle::Bundle source, bundle::Open(path));
  VLAQ_ASSIGN_OR_RETURN(const auto records, bundle::ReadWeightRecords(source));
  VLAQ_ASSIGN_OR_RETURN(bundle::Writer writer, bundle::Writer::Create(output, existing));
  bundle::Bundle made = source;
  VLAQ_ASSIGN_OR_RETURN(const auto weights, MappedFile::Open(source.WeightsPath()));
  VLAQ_ASSIGN_OR_RETURN(bundle::HashedFile copy, bundle::HashedFile::Create(writer.folder() / source.weights.file));
  VLAQ_RETURN_IF_ERROR(copy.WriteShared(*weights, weights->bytes()));
  VLAQ_ASSIGN_OR_RETURN(made.weights, copy.Commit());
  made.provenance = {std::string(kVersion), "check --fix", {source.weights}, source.provenance.assumptions};
  made.provenance.used = source.provenance.used;
  for (const auto& [role, record] : source.graphs) {
    made.provenance.sources.push_back(record);
    VLAQ_ASSIGN_OR_RETURN(const onnx::Model model, FixFile({role, path / record.file}, version, fixed));
    VLAQ_RETURN_IF_ERROR(WriteModel(model, path / record.file, writer.folder() / record.file, Existing::kRefuse));
    VLAQ_ASSIGN_OR_RETURN(made.graphs.at(role), bundle::Describe(writer.folder() / record.file));
  }
  const auto& earlier = source.provenance.sources;
  made.provenance.sources.insert(made.provenance.sources.end(), earlier.begin(), earlier.end());
  for (const auto& beside : {source.tokenizer, source.plan}) {
    if (beside) VLAQ_RETURN_IF_ERROR(CopyBeside(source, *beside, writer.folder()));
  }
  return writer.Commit(made, records);
}

}  // namespace

Result<Fixed> Fix(const fs::path& path, const Version& version, const fs::path& output, Existing existing) {
  std::error_code ignored;
  if (fs::equivalent(path, output, ignored))
    return UsageError("the output is the input", "nothing is changed in place");
  Fixed fixed{EmptyReport(version), EmptyReport(version), {}};
  fixed.before.own = fixed.after.own = bundle::IsBundle(path);
  if (fs::is_directory(path, ignored)) {
    VLAQ_RETURN_IF_ERROR(FixBundle(path, version, output, existing, fixed));
  } else {
    VLAQ_RETURN_IF_ERROR(FixFile({path.filename().string(), path}, version, output, existing, fixed));
  }
  return fixed;
}

}  // namespace vlaq::check
