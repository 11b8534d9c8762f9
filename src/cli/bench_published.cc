// The files of the published table, made of what was measured: same names, same fields, and beside each what it means.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/text.h"
#include "cli/bench_arguments.h"

namespace vlaq::cli {
namespace {

namespace fs = std::filesystem;
using benchmark::Results;
using benchmark::SubjectResult;

// The rows of the table: the name by which a subject has to go for each, and what it has to be for its text to be true.
struct Column {
  std::string_view name, title, meaning;
  std::string_view kind;       // of the subject
  std::string_view precision;  // of its bundle; empty: it has none
  std::string_view example;
};
constexpr std::array kColumns{
    Column{"pytorch", "PyTorch",
           "the checkpoint in PyTorch, eager, float32, the whole window at each step, as the original runs it", "torch",
           "", "torch:CHECKPOINT"},
    Column{"onnx", "ONNX fp32",
           "the whole-policy graph in ONNX Runtime, float32: every frame of the window at each step", "whole", "fp32",
           "whole:BUNDLE"},
    Column{"int8", "ONNX INT8", "the same graph with INT8 weights and arithmetic", "whole", "int8",
           "whole:BUNDLE_INT8"},
    Column{"streaming", "ONNX INT8 streaming",
           "encoder and head in INT8: one new frame at each step, the features of the window kept; the same actions",
           "bundle", "int8", "BUNDLE_INT8"},
};
constexpr size_t kPyTorch = 0;

constexpr std::string_view kFolder = "quantized_models_cpu";
constexpr std::string_view kModel = "mae0222_model_cpu.onnx";
constexpr std::string_view kResults = "mae0222_quantization_results_cpu.json";

// Each of the columns, or null for one that was not measured.
using MeasuredColumns = std::array<const SubjectResult*, kColumns.size()>;

template <typename Subjects>
auto* FindNamed(Subjects& subjects, std::string_view name) {
  const auto found = std::ranges::find_if(subjects, [&](const auto& s) { return s.name == name; });
  return found == subjects.end() ? nullptr : &*found;
}

// Whether a subject is what its name will say of it in the table.
Status CheckColumn(const Column& column, const SubjectSpec& subject) {
  const std::string fix = fmt::format("{}={}", column.name, column.example);
  if (subject.kind != column.kind) {
    return UsageError(fmt::format("--published: the subject {} is of kind '{}', but its row is of kind '{}'",
                                  column.name, subject.kind, column.kind),
                      fix);
  }
  if (column.precision.empty() || !subject.bundle || subject.bundle->precision == column.precision) return {};
  return UsageError(fmt::format("--published: the subject {} must be {}, but {} is {}", column.name, column.precision,
                                subject.what, subject.bundle->precision),
                    fix);
}

// What only the workers could say, once they ran.
Status CheckRan(const BenchArguments& a, const MeasuredColumns& row) {
  if (a.backend.provider != "cpu" || !a.backend.engines.empty()) {
    return UsageError("--published is the table of a CPU: no other --provider, no --engines",
                      "-o keeps what was measured");
  }
  for (size_t i = 0; i < kColumns.size(); ++i) {
    const std::string_view wanted = i == kPyTorch ? "fp32" : kColumns[i].precision;
    if (row[i] == nullptr || row[i]->ready.precision == wanted) continue;
    return Error{ErrorCode::kBackend,
                 fmt::format("it says that it computes in '{}', and its row of the published table is {}",
                             row[i]->ready.precision, wanted),
                 row[i]->name, "no file of the published table was written"};
  }
  return {};
}

// A file as it is, whole or not at all.
Status CopyFile(const fs::path& from, const fs::path& to, Existing existing) {
  VLAQ_ASSIGN_OR_RETURN(const auto source, MappedFile::Open(from));
  VLAQ_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(to, existing));
  VLAQ_RETURN_IF_ERROR(file.WriteShared(*source, source->bytes()));
  return file.Commit();
}

// `pytorch` is null if it was not measured: ratios to it are unknown then, and no other stands in for it.
Json PublishedEntry(const Column& column, const SubjectResult& s, const SubjectResult* pytorch) {
  const double mean_ms = s.summary.mean_ns / 1e6, megabytes = static_cast<double>(s.size_bytes) / 1e6;
  Json entry{{"what", column.meaning},
             {"runs_on", s.ready.runs_on},
             {"precision", s.ready.precision},
             {"mode", s.mode},
             {"avg_time_ms", mean_ms},
             {"fps", 1e3 / mean_ms},
             {"speedup", nullptr},
             {"size_mb", megabytes},
             {"size_reduction_percent", nullptr},
             {"memory_mb", static_cast<double>(s.memory.own_bytes) / 1e6},
             {"runs", s.summary.n},
             {"verdict", StateName(s.verdict.state())}};
  if (pytorch != nullptr) {
    entry["speedup"] = pytorch->summary.mean_ns / s.summary.mean_ns;
    entry["size_reduction_percent"] = 100 * (1 - megabytes * 1e6 / static_cast<double>(pytorch->size_bytes));
  }
  if (s.quality) entry["mae"] = s.quality->mae;
  if (s.outputs) {
    entry["largest_action_difference"] = s.outputs->largest;
    entry["difference_against"] = s.outputs->against;
  }
  return entry;
}

Json PublishedMeanings() {
  return {
      {"runs_on", "what it ran on, in its own words"},
      {"precision", "of its weights"},
      {"mode",
       "whole: all frames of the window at each step; streaming: one new frame, the features of the others kept"},
      {"avg_time_ms", "mean of the timed control steps: preprocessed frames in memory to actions"},
      {"fps", "control steps a second, one after the other: 1000 / avg_time_ms"},
      {"speedup", "time of pytorch / time of this one; null if pytorch was not measured"},
      {"size_mb",
       "weights and graphs that this one reads, in 10^6 bytes; of pytorch the checkpoint file, with all that it holds"},
      {"size_reduction_percent", "100 (1 - size / size of pytorch); null if pytorch was not measured"},
      {"memory_mb", "memory of its process that is not mapped from files, in 10^6 bytes"},
      {"runs", "timed control steps"},
      {"verdict", "VALID, UNSTABLE or INVALID: what the measurement itself says of this time"},
      {"mae", "mean absolute error of normalised actions over recorded episodes"},
      {"largest_action_difference", "of any action (-1 to 1) from those of difference_against on the same frames"}};
}

void PrintPublished(const MeasuredColumns& measured, std::ostream& out) {
  std::vector<std::string> header{""};
  std::vector<const SubjectResult*> subjects;
  std::vector<std::string> missing;
  for (size_t i = 0; i < kColumns.size(); ++i) {
    if (measured[i] == nullptr) {
      missing.emplace_back(kColumns[i].title);
      continue;
    }
    header.emplace_back(kColumns[i].title);
    subjects.push_back(measured[i]);
  }
  TextTable table(header);
  const auto row = [&](const std::string& title, const auto& cell) {
    std::vector<std::string> cells{title};
    for (const SubjectResult* s : subjects) cells.push_back(cell(*s));
    table.AddRow(std::move(cells));
  };
  const SubjectResult* pytorch = measured[kPyTorch];
  row("inference time, ms", [](const auto& s) { return fmt::format("{:.2f}", s.summary.mean_ns / 1e6); });
  row("throughput, FPS", [](const auto& s) { return fmt::format("{:.2f}", 1e9 / s.summary.mean_ns); });
  row("speed-up", [&](const auto& s) {
    return pytorch == nullptr ? "-" : fmt::format("{:.2f}x", pytorch->summary.mean_ns / s.summary.mean_ns);
  });
  row("size", [](const auto& s) { return HumanBytes(s.size_bytes); });
  row("memory", [](const auto& s) { return HumanBytes(s.memory.own_bytes); });
  const bool quality = std::ranges::any_of(subjects, [](const auto* s) { return s->quality.has_value(); });
  row(quality ? "MAE" : "differs by", [&](const auto& s) {
    if (quality) return s.quality ? fmt::format("{:.4f}", s.quality->mae) : std::string("-");
    return s.outputs ? fmt::format("{:.1e}", s.outputs->largest) : std::string("-");
  });
  row("verdict", [](const auto& s) { return std::string(StateName(s.verdict.state())); });
  out << "\n" << table.ToString();
  if (missing.empty()) return;
  out << fmt::format("\nNot measured, so neither in this table nor in the files: {}.\n", fmt::join(missing, ", "));
}

}  // namespace

Status CheckPublished(const std::vector<SubjectSpec>& subjects) {
  for (const Column& column : kColumns) {
    const SubjectSpec* subject = FindNamed(subjects, column.name);
    if (subject != nullptr) VLAQ_RETURN_IF_ERROR(CheckColumn(column, *subject));
  }
  const SubjectSpec* int8 = FindNamed(subjects, "int8");
  const SubjectSpec* streaming = FindNamed(subjects, "streaming");
  if (int8 == nullptr) {
    return UsageError("--published needs a subject named int8, whose graph is what is published",
                      "int8=whole:BUNDLE_INT8; the other rows: pytorch=torch:CHECKPOINT onnx=whole:BUNDLE "
                      "streaming=BUNDLE_INT8");
  }
  if (streaming == nullptr || streaming->bundle->weights.sha256 == int8->bundle->weights.sha256) return {};
  return UsageError(
      fmt::format("--published: streaming ({}) and int8 ({}) have different weights", streaming->what, int8->what),
      "name the same bundle twice: int8=whole:BUNDLE_INT8 streaming=BUNDLE_INT8");
}

Status WritePublished(const BenchArguments& a, const std::vector<SubjectSpec>& subjects, const Results& results,
                      std::ostream& out) {
  MeasuredColumns row{};
  for (size_t i = 0; i < kColumns.size(); ++i) row[i] = FindNamed(results.subjects, kColumns[i].name);
  VLAQ_RETURN_IF_ERROR(CheckRan(a, row));
  const SubjectSpec* int8 = FindNamed(subjects, "int8");
  const fs::path folder = a.published / kFolder;
  VLAQ_RETURN_IF_ERROR(MakeFolder(folder));
  const Existing existing = WhenExisting(a.force);
  VLAQ_RETURN_IF_ERROR(CopyFile(int8->bundle->GraphPath(bundle::kWhole), folder / kModel, existing));
  VLAQ_RETURN_IF_ERROR(CopyFile(int8->bundle->WeightsPath(), folder / int8->bundle->weights.file, existing));
  Json document{{"schema", "vlaq.published/1"},
                {"device", results.machine.cpu},
                {"threads", results.settings.threads},
                {"protocol", ProtocolName(results.settings.protocol)},
                {"inputs", results.settings.inputs}};
  for (size_t i = 0; i < kColumns.size(); ++i) {
    if (row[i] == nullptr) continue;
    document[std::string(kColumns[i].name)] = PublishedEntry(kColumns[i], *row[i], row[kPyTorch]);
  }
  document["meaning"] = PublishedMeanings();
  VLAQ_RETURN_IF_ERROR(WriteFile(folder / kResults, JsonString(document, 1) + "\n", existing));
  PrintPublished(row, out);
  out << fmt::format("\nWritten: {} (with {}), {}\n", (folder / kModel).string(), int8->bundle->weights.file,
                     (folder / kResults).string());
  return {};
}

}  // namespace vlaq::cli
