#include "verify/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <tuple>

#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"
#include "families/family.h"
#include "onnx/model_file.h"
#include "tensor/convert.h"
#include "tensor/non_finite.h"
#include "verify/graph_match.h"
#include "verify/policy_reach.h"

namespace vlaq::verify {
namespace {

using bundle::Bundle;
using bundle::WeightRecord;
using checkpoint::Checkpoint;
using families::PlacedWeight;
using families::PolicyGraphs;

Check Passed(std::string name, std::string detail, Against against = Against::kItself) {
  return {0, std::move(name), true, std::move(detail), {}, against};
}
Check Failed(std::string name, std::string detail) { return {0, std::move(name), false, std::move(detail), {}}; }

// "'a' and 3 more"
std::string SomeOf(const std::vector<std::string>& names) {
  std::string text = fmt::format("'{}'", names.front());
  if (names.size() > 1) text += fmt::format(" and {} more", names.size() - 1);
  return text;
}

class IdentityChecker {
 public:
  IdentityChecker(const Bundle& bundle, const Checkpoint* checkpoint, Log& log, Report& report)
      : bundle_(bundle),
        family_(families::FindOrNull(bundle.policy.family)),
        checkpoint_(checkpoint),
        log_(log),
        report_(report) {}

  Status Run() {
    CheckFiles();
    auto records = bundle::ReadWeightRecords(bundle_);
    if (!records.ok()) return Unreadable("weights", records.error());
    records_ = std::move(*records);
    const Status graphs = ReadGraphs();
    if (!graphs.ok()) return Unreadable("structure", graphs.error());
    CheckReferences();
    auto weights = MappedFile::Open(bundle_.WeightsPath());
    if (!weights.ok()) return Unreadable("weights", weights.error());
    weights_ = std::move(*weights);
    if (weights_->bytes().size() != bundle_.weights.bytes) {
      Add(Failed("weights", fmt::format("{} has {} bytes instead of {}", bundle_.weights.file, weights_->bytes().size(),
                                        bundle_.weights.bytes)));
      return {};
    }
    if (checkpoint_ != nullptr) {
      VLAQ_RETURN_IF_ERROR(CheckAgainstCheckpoint());
    } else {
      CheckAgainstRecords();
    }
    CheckFinite();
    CheckReach();
    return {};
  }

 private:
  using Models = std::map<std::string, onnx::Model, std::less<>>;

  // A bundle whose parts cannot be read or do not fit each other proves nothing: a verdict, not an error.
  Status Unreadable(std::string check, const Error& error) {
    Add(Failed(std::move(check), error.ToString()));
    return {};
  }

  void CheckFiles() {
    const auto mismatches = bundle::CheckHashes(bundle_);
    const size_t files = bundle_.graphs.size() + 1 + (bundle_.tokenizer ? 1 : 0);
    if (mismatches.empty()) {
      Add(Passed("files", fmt::format("{} files have the SHA-256 of {}", files, bundle::kPolicyFile)));
      return;
    }
    std::vector<std::string> names;
    for (const auto& mismatch : mismatches) names.push_back(mismatch.file);
    const bool missing = mismatches.front().actual.empty();
    Add(Failed("files",
               fmt::format("{} {}", SomeOf(names),
                           missing ? "cannot be read" : "changed since export, or belongs to another export")));
  }

  Status ReadGraphs() {
    for (const auto& [role, file] : bundle_.graphs) {
      VLAQ_ASSIGN_OR_RETURN(onnx::Model model, onnx::ReadModel(bundle_.path / file.file));
      models_.emplace(role, std::move(model));
    }
    return {};
  }

  // Every external initializer of every graph is a record of weights.json, at its place.
  void CheckReferences() {
    std::map<std::string, const WeightRecord*, std::less<>> by_name;
    for (const WeightRecord& record : records_) by_name.emplace(record.name, &record);
    size_t references = 0;
    for (const auto& [role, model] : models_) {
      for (const onnx::Initializer& initializer : model.graph.initializers) {
        if (!initializer.is_external()) {
          if (!by_name.contains(initializer.name)) continue;
          Add(Failed("references", fmt::format("{}: initializer '{}' has values of its own instead of those in {}",
                                               role, initializer.name, bundle_.weights.file)));
          return;
        }
        ++references;
        const auto& data = std::get<onnx::ExternalData>(initializer.data);
        const auto it = by_name.find(initializer.name);
        const bool same = it != by_name.end() && data.location == bundle_.weights.file &&
                          data.offset == it->second->offset && data.length == it->second->length &&
                          initializer.dtype == it->second->dtype && initializer.shape == it->second->shape;
        if (!same) {
          Add(Failed("references", fmt::format("{}: initializer '{}' is not where {} says", role, initializer.name,
                                               bundle::kWeightsManifestFile)));
          return;
        }
      }
    }
    Add(Passed("references", fmt::format("{} initializers lie where {} says", Grouped(static_cast<int64_t>(references)),
                                         bundle::kWeightsManifestFile)));
  }

  Bytes Stored(const WeightRecord& record) const { return weights_->bytes().subspan(record.offset, record.length); }

  // Without the source: each tensor against the checksum taken at export.
  void CheckAgainstRecords() {
    std::vector<char> right(records_.size());
    ForEachWeight([&](size_t i) {
      right[i] = Xxh3Hex(Stored(records_[i])) == records_[i].xxh3 ? 1 : 0;
      return records_[i].length;
    });
    std::vector<std::string> wrong;
    for (size_t i = 0; i < records_.size(); ++i) {
      report_.parameters += *ElementCount(records_[i].shape);
      if (right[i] != 0) {
        sources_of_[records_[i].name] = *ElementCount(records_[i].shape);
      } else {
        wrong.push_back(records_[i].name);
      }
    }
    Add(wrong.empty() ? Passed("weights", fmt::format("{} tensors have the checksums taken at export",
                                                      Grouped(static_cast<int64_t>(records_.size()))))
                      : Failed("weights", fmt::format("{} changed since export", SomeOf(wrong))));
  }

  // NaN and infinities in weights may never show: kernels swallow them, and the actions look like numbers.
  void CheckFinite() {
    std::vector<std::string> problems(records_.size());
    ParallelFor(records_.size(), HardwareThreads(), [&](size_t i) {
      const WeightRecord& record = records_[i];
      const NonFinite found = FindNonFinite(record.dtype, Stored(record));
      if (found.any() && !IsMask(record)) problems[i] = found.Describe(*ElementCount(record.shape));
      weights_->Release(Stored(record));
    });
    std::vector<std::string> wrong;
    std::string first_problem;
    const auto note = [&](const std::string& name, const std::string& problem) {
      if (problem.empty()) return;
      if (wrong.empty()) first_problem = problem;
      wrong.push_back(name);
    };
    for (size_t i = 0; i < records_.size(); ++i) note(records_[i].name, problems[i]);
    for (const auto& [role, model] : models_) {
      for (const onnx::Initializer& initializer : model.graph.initializers) {
        const auto* inside = std::get_if<Tensor>(&initializer.data);
        if (inside == nullptr || inside->size() == 1) continue;  // a lone infinity is a mask's
        const NonFinite found = FindNonFinite(inside->dtype(), inside->bytes());
        if (found.any()) note(fmt::format("{} of {}", initializer.name, role), found.Describe(inside->size()));
      }
    }
    Add(wrong.empty() ? Passed("finite weights", "no weight is NaN or infinite")
                      : Failed("finite weights", fmt::format("{}: {}", SomeOf(wrong), first_problem)));
  }

  // A foreign graph may store a mask: nothing but infinities and one other number. vlaq's own graphs have none.
  bool IsMask(const WeightRecord& record) const {
    if (family_ != nullptr) return false;
    const auto numbers = ToFloat32(Tensor::View(record.dtype, record.shape, Stored(record), weights_));
    if (!numbers.ok()) return false;
    std::optional<float> other;
    for (const float number : numbers->data<float>()) {
      if (std::isinf(number)) continue;
      if (std::isnan(number) || (other && *other != number)) return false;
      other = number;
    }
    return other.has_value();
  }

  // With the source: build everything again and compare.
  Status CheckAgainstCheckpoint() {
    CheckSource();
    VLAQ_ASSIGN_OR_RETURN(const families::Family* family, families::Find(bundle_.policy.family));
    const auto precision = families::FindStoredPrecision(bundle_.precision);
    if (!precision) return InputError(bundle_.path.string(), fmt::format("unknown precision '{}'", bundle_.precision));
    const policy::Policy& policy = bundle_.policy;
    auto built = family->Build(
        *checkpoint_, policy.settings, bundle_.config,
        {*precision, policy::TextInput(policy) == nullptr, bundle_.tokenizer ? bundle_.tokenizer->file : ""});
    if (!built.ok()) {
      Add(Failed("weights", fmt::format("the checkpoint cannot be this policy: {}", built.error().ToString())));
      CountParameters();
      return {};
    }
    CheckStructure(*built);
    CountParameters();
    CompareWeights(built->weights);
    for (const auto& [name, reason] : built->left_out) {
      report_.notes.push_back(fmt::format("not in the graphs: '{}': {}", name, reason));
    }
    return {};
  }

  void CheckSource() {
    std::vector<std::string> expected;
    for (const auto& source : bundle_.provenance.sources) expected.push_back(source.sha256);
    for (const auto& file : checkpoint_->files()) {
      const auto actual = bundle::Describe(file->path());
      if (actual.ok() && std::find(expected.begin(), expected.end(), actual->sha256) != expected.end()) continue;
      report_.notes.push_back(
          fmt::format("{} is not the file that was exported (other SHA-256); its tensors are compared all the same",
                      file->path().string()));
      return;
    }
  }

  // What the graphs compute, not only which tensors they hold. Whatever the bundle says of who made it, its graphs must
  // be those that its checkpoint and settings give: byte for byte, or operator by operator if another version wrote
  // them.
  void CheckStructure(const PolicyGraphs& built) {
    bool same_bytes = true;
    for (const families::BuiltGraph& graph : built.graphs) {
      const auto actual = models_.find(graph.name);
      if (actual == models_.end()) {
        Add(Failed("structure", fmt::format("there is no graph '{}'", graph.name)));
        return;
      }
      const auto bytes = onnx::Serialize(graph.model);
      const auto file = MappedFile::Open(bundle_.GraphPath(graph.name));
      if (bytes.ok() && file.ok() && AsText((*file)->bytes()) == *bytes) continue;
      same_bytes = false;
      const std::string difference = HowItDiffers(graph.model, actual->second);
      if (difference.empty()) continue;
      Add(Failed("structure", fmt::format("{} is not the graph that this checkpoint and policy.json give: {}",
                                          graph.name, difference)));
      return;
    }
    const std::string_view all = built.graphs.size() == 3 ? "all three" : "all";
    Add(Passed("structure",
               same_bytes ? fmt::format("{} graphs are, node for node, what the architecture builds", all)
                          : fmt::format("{} graphs compute, operator by operator, what the architecture builds", all),
               Against::kCheckpoint));
    CheckStages(built);
    report_.shown.insert(Shown::kShapes);
  }

  static std::string HowItDiffers(const onnx::Model& expected, const onnx::Model& actual) {
    if (expected.opsets != actual.opsets) return "it is of another opset";
    if (actual.local_functions > 0) return "it has functions of its own";
    return FirstDifference(expected.graph, actual.graph);
  }

  // Values that golden data are held against: a bundle that names none of them would have none compared.
  void CheckStages(const PolicyGraphs& built) {
    if (bundle_.stages == built.stages) return;
    Add(Failed("stages", fmt::format("{} does not name the values between the parts as the architecture does",
                                     bundle::kPolicyFile)));
  }

  // All that the checkpoint holds, tensors that share a storage (tied ones) once.
  void CountParameters() {
    std::set<std::tuple<size_t, int64_t, Shape>> seen;
    for (const checkpoint::Entry& entry : checkpoint_->entries()) {
      const bool first = seen.insert({entry.storage, entry.offset, entry.shape}).second;
      if (first && IsFloat(entry.dtype)) report_.parameters += entry.size();
    }
  }

  void CompareWeights(const std::vector<PlacedWeight>& expected) {
    std::map<std::string, const WeightRecord*, std::less<>> by_name;
    for (const WeightRecord& record : records_) by_name.emplace(record.name, &record);
    std::vector<std::string> problems(expected.size());
    ForEachWeight(expected.size(), [&](size_t i) {
      const auto it = by_name.find(expected[i].recipe.name);
      problems[i] = it == by_name.end() ? "is missing" : Compare(expected[i], *it->second);
      return expected[i].length;
    });
    std::vector<std::string> wrong;
    std::string first_problem;
    size_t sources = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      const auto& recipe = expected[i].recipe;
      if (problems[i].empty()) {
        int64_t parameters = 0;
        sources += recipe.sources.size();
        for (const std::string& source : recipe.sources) parameters += checkpoint_->Find(source)->size();
        sources_of_[recipe.name] = parameters;
        continue;
      }
      if (wrong.empty()) first_problem = problems[i];
      wrong.push_back(recipe.sources.empty() ? recipe.name : recipe.sources.front());
    }
    if (!wrong.empty()) {
      const bool one = wrong.size() == 1;
      Add(Failed("weights", fmt::format("{}{} {}", SomeOf(wrong), one ? "" : " are wrong; the first", first_problem)));
      return;
    }
    Add(Passed("weights",
               fmt::format("{} tensors of the checkpoint are in {}, bit for bit or by a named transformation",
                           Grouped(static_cast<int64_t>(sources)), bundle_.weights.file),
               Against::kCheckpoint));
  }

  // Empty, or what is wrong.
  std::string Compare(const PlacedWeight& expected, const WeightRecord& record) const {
    if (record.dtype != expected.recipe.dtype || record.shape != expected.recipe.shape) {
      return fmt::format("should be {} {}", DTypeName(expected.recipe.dtype), ShapeText(expected.recipe.shape));
    }
    Bytes stored = Stored(record);
    size_t offset = 0;
    std::string problem;
    const Status status = families::StreamWeight(expected.recipe, *checkpoint_, [&](Bytes piece) -> Status {
      const Bytes actual = stored.first(std::min(piece.size(), stored.size()));
      const auto [a, b] = std::mismatch(piece.begin(), piece.end(), actual.begin(), actual.end());
      if (a != piece.end() && problem.empty()) {
        problem = fmt::format("differs at byte {} ({} from the checkpoint)",
                              offset + static_cast<size_t>(a - piece.begin()), expected.recipe.transform->name);
      }
      offset += piece.size();
      weights_->Release(actual);
      stored = stored.subspan(actual.size());
      return {};
    });
    if (!status.ok()) return status.error().ToString();
    return problem;
  }

  // Calls work(i), which returns the bytes it has done, for all of `count` on all threads.
  void ForEachWeight(size_t count, const std::function<uint64_t(size_t)>& work) {
    std::atomic<uint64_t> done{0};
    std::mutex mutex;
    ParallelFor(count, HardwareThreads(), [&](size_t i) {
      done += work(i);
      const std::lock_guard lock(mutex);
      log_.Progress("identity", done, bundle_.weights.bytes);
    });
  }
  void ForEachWeight(const std::function<uint64_t(size_t)>& work) { ForEachWeight(records_.size(), work); }

  // Through each schedule for a policy of a checkpoint, whose family wrote no graph in vain. A foreign file may hold
  // what only another of its outputs needs: its schedules count together, and the rest is told.
  void CheckReach() {
    const policy::Policy& policy = bundle_.policy;
    std::vector<PolicyReach> reaches;
    std::set<std::string, std::less<>> graphs;
    for (const auto& [schedule, steps] : policy.schedules) {
      reaches.push_back(ReachOf(policy, schedule, models_));
      graphs.insert(reaches.back().graphs.begin(), reaches.back().graphs.end());
    }
    const PolicyReach by_default = ReachOf(policy, policy.default_schedule, models_);
    const auto is_in = [](const std::string& name) {
      return [&name](const PolicyReach& reach) { return reach.initializers.contains(name); };
    };
    std::vector<std::string> idle, unreached;
    for (const auto& [name, model] : models_) {
      if (!graphs.contains(name)) idle.push_back(name);
    }
    for (const WeightRecord& record : records_) {
      const bool reached = family_ != nullptr ? std::ranges::all_of(reaches, is_in(record.name))
                                              : std::ranges::any_of(reaches, is_in(record.name));
      if (!reached) unreached.push_back(record.name);
    }
    for (const auto& [name, parameters] : sources_of_) {
      const bool reached = family_ != nullptr ? std::ranges::all_of(reaches, is_in(name)) : is_in(name)(by_default);
      if (reached) report_.reached_parameters += parameters;
    }
    Add(ReachCheck(idle, unreached));
  }

  Check ReachCheck(const std::vector<std::string>& idle, const std::vector<std::string>& unreached) const {
    const std::string share =
        fmt::format("the outputs depend on {} of {} parameters ({:.2f} %)", Grouped(report_.reached_parameters),
                    Grouped(report_.parameters), 100 * report_.reached_fraction());
    const std::string_view have = unreached.size() == 1 ? "has" : "have";
    Check check = Passed("reach", share);
    if (!idle.empty()) {
      check = Failed("reach", fmt::format("no output depends on graph {}; {}", SomeOf(idle), share));
    } else if (family_ != nullptr && !unreached.empty()) {
      check = Failed("reach", fmt::format("{} {} no influence on the outputs; {}", SomeOf(unreached), have, share));
    } else if (family_ == nullptr && report_.parameters == 0) {
      check.detail = "the graphs store no parameters";
    } else if (report_.reached_parameters == 0) {
      check = Failed("reach", fmt::format("the outputs depend on no parameter of the {}",
                                          family_ != nullptr ? "checkpoint" : "bundle"));
    } else if (!unreached.empty()) {
      check.detail += fmt::format("; {} {} no influence", SomeOf(unreached), have);
    }
    check.figures = {{"fraction", report_.reached_fraction()}};
    return check;
  }

  void Add(Check check) { report_.checks.push_back(std::move(check)); }

  const Bundle& bundle_;
  const families::Family* family_;  // null: of no checkpoint
  const Checkpoint* checkpoint_;
  Log& log_;
  Report& report_;
  std::vector<WeightRecord> records_;
  Models models_;
  std::shared_ptr<const MappedFile> weights_;
  std::map<std::string, int64_t> sources_of_;  // weights found right -> parameters of their sources
};

}  // namespace

Status CheckIdentity(const Bundle& bundle, const Checkpoint* checkpoint, Log& log, Report& report) {
  return IdentityChecker(bundle, checkpoint, log, report).Run();
}

}  // namespace vlaq::verify
