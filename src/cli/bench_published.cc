// The files of the published table, made of what was measured: same names, same fields, and beside each what it means.
#include <fmt/format.h>

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

// The columns of the table, and the name by which a subject has to go for each.
struct Column {
  std::string_view name, title, meaning;
};
constexpr std::array kColumns{
    Column{"pytorch", "PyTorch",
           "the checkpoint in PyTorch, eager, float32, the whole window at each step, as the original runs it"},
    Column{"onnx", "ONNX fp32",
           "the whole-policy graph in ONNX Runtime, float32: every frame of the window at each step"},
    Column{"int8", "ONNX INT8", "the same graph with INT8 weights and arithmetic"},
    Column{"streaming", "ONNX INT8 streaming",
           "encoder and head in INT8: one new frame at each step, the features of the window kept; the same actions"},
};

constexpr std::string_view kFolder = "quantized_models_cpu";
constexpr std::string_view kModel = "mae0222_model_cpu.onnx";
constexpr std::string_view kResults = "mae0222_quantization_results_cpu.json";

const SubjectResult& SubjectNamed(const Results& results, std::string_view name) {
  return *std::find_if(results.subjects.begin(), results.subjects.end(), [&](const auto& s) { return s.name == name; });
}

// A file as it is, whole or not at all.
Status CopyFile(const fs::path& from, const fs::path& to, Existing existing) {
  VLAQ_ASSIGN_OR_RETURN(const auto source, MappedFile::Open(from));
  VLAQ_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create(to, existing));
  VLAQ_RETURN_IF_ERROR(file.WriteShared(*source, source->bytes()));
  return file.Commit();
}

Json Entry(const Column& column, const SubjectResult& s, const SubjectResult& first) {
  const double mean_ms = s.summary.mean_ns / 1e6, megabytes = static_cast<double>(s.size_bytes) / 1e6;
  const double first_megabytes = static_cast<double>(first.size_bytes) / 1e6;
  Json entry{{"what", column.meaning},
             {"avg_time_ms", mean_ms},
             {"fps", 1e3 / mean_ms},
             {"speedup", first.summary.mean_ns / s.summary.mean_ns},
             {"size_mb", megabytes},
             {"size_reduction_percent", 100 * (1 - megabytes / first_megabytes)},
             {"memory_mb", static_cast<double>(s.memory.own_bytes) / 1e6},
             {"runs", s.summary.n},
             {"verdict", StateName(s.verdict.state())},
             {"measured", true}};
  if (s.quality) entry["mae"] = s.quality->mae;
  if (s.outputs) entry["largest_action_difference"] = s.outputs->largest;
  return entry;
}

Json Meanings() {
  return {
      {"avg_time_ms", "mean of the timed control steps: preprocessed frames in memory to actions"},
      {"fps", "control steps a second, one after the other: 1000 / avg_time_ms"},
      {"speedup", "time of pytorch / time of this one"},
      {"size_mb",
       "weights and graphs that this one reads, in 10^6 bytes; of pytorch the checkpoint file, with all that it holds"},
      {"size_reduction_percent", "100 (1 - size / size of pytorch)"},
      {"memory_mb", "memory of its process that is not mapped from files, in 10^6 bytes"},
      {"mae", "mean absolute error of normalised actions over recorded episodes"},
      {"largest_action_difference", "of any action (-1 to 1) from pytorch's on the same frames"}};
}

void PrintPublished(const std::vector<const SubjectResult*>& subjects, std::ostream& out) {
  std::vector<std::string> header{""};
  for (const Column& column : kColumns) header.emplace_back(column.title);
  TextTable table(header);
  const auto row = [&](const std::string& title, const auto& cell) {
    std::vector<std::string> cells{title};
    for (const SubjectResult* s : subjects) cells.push_back(cell(*s));
    table.AddRow(std::move(cells));
  };
  const SubjectResult& first = *subjects.front();
  row("inference time, ms", [](const auto& s) { return fmt::format("{:.2f}", s.summary.mean_ns / 1e6); });
  row("throughput, FPS", [](const auto& s) { return fmt::format("{:.2f}", 1e9 / s.summary.mean_ns); });
  row("speed-up", [&](const auto& s) { return fmt::format("{:.2f}x", first.summary.mean_ns / s.summary.mean_ns); });
  row("size", [](const auto& s) { return HumanBytes(s.size_bytes); });
  row("memory", [](const auto& s) { return HumanBytes(s.memory.own_bytes); });
  row(first.quality || subjects.back()->quality ? "MAE" : "differs by", [](const auto& s) {
    if (s.quality) return fmt::format("{:.4f}", s.quality->mae);
    return s.outputs ? fmt::format("{:.1e}", s.outputs->largest) : std::string("-");
  });
  row("verdict", [](const auto& s) { return std::string(StateName(s.verdict.state())); });
  out << "\n" << table.ToString();
}

}  // namespace

Status CheckPublished(const std::vector<SubjectSpec>& subjects) {
  for (const Column& column : kColumns) {
    const bool there =
        std::any_of(subjects.begin(), subjects.end(), [&](const auto& s) { return s.name == column.name; });
    if (there) continue;
    return UsageError(fmt::format("--published needs a subject named {}", column.name),
                      "pytorch=torch:CHECKPOINT onnx=whole:BUNDLE int8=whole:BUNDLE_INT8 streaming=BUNDLE_INT8");
  }
  const auto int8 = std::find_if(subjects.begin(), subjects.end(), [](const auto& s) { return s.name == "int8"; });
  if (int8->bundle && !int8->streaming) return {};
  return UsageError("the subject int8 must be whole:BUNDLE", "its whole-policy graph is what is published");
}

Status WritePublished(const BenchArguments& a, const std::vector<SubjectSpec>& subjects, const Results& results,
                      std::ostream& out) {
  std::vector<const SubjectResult*> columns;
  for (const Column& column : kColumns) columns.push_back(&SubjectNamed(results, column.name));
  const auto int8 = std::find_if(subjects.begin(), subjects.end(), [](const auto& s) { return s.name == "int8"; });
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
    document[std::string(kColumns[i].name)] = Entry(kColumns[i], *columns[i], *columns[0]);
  }
  document["meaning"] = Meanings();
  VLAQ_RETURN_IF_ERROR(WriteFile(folder / kResults, document.dump(1) + "\n", existing));
  PrintPublished(columns, out);
  out << fmt::format("\nWritten: {} (with {}), {}\n", (folder / kModel).string(), int8->bundle->weights.file,
                     (folder / kResults).string());
  return {};
}

}  // namespace vlaq::cli
