// A published table, made anew of what was measured, as its file says: same names, same fields, and beside each what it
// means.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "base/json_field.h"
#include "base/text.h"
#include "bench/schedule_parts.h"
#include "cli/bench_arguments.h"

namespace vlaq::cli {
namespace {

namespace fs = std::filesystem;
using bench::BenchSubject;
using harness::Results;
using harness::SubjectResult;

constexpr std::string_view kTableSchema = "vlaq.published_table/1";

// Each of the columns, or null for one that was not measured.
using MeasuredColumns = std::vector<const SubjectResult*>;

template <typename Named>
auto* FindNamed(Named& all, std::string_view name) {
  const auto found = std::ranges::find_if(all, [&](const auto& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string ReadText(const JsonField& field) {
  std::string text = field.Text();
  if (text.empty()) field.Fail("is empty");
  return text;
}

// A name of a file or folder, which stays within the folder that is written.
std::string ReadFileName(const JsonField& field) {
  std::string name = ReadText(field);
  if (name.find('/') != std::string::npos || name.starts_with(".")) field.Fail("is no plain file name");
  return name;
}

PublishedColumn ReadColumn(const JsonField& field) {
  PublishedColumn column;
  column.name = ReadText(field["name"]);
  column.title = ReadText(field["title"]);
  column.meaning = ReadText(field["meaning"]);
  column.kind = ReadText(field["kind"]);
  column.precision = ReadText(field["precision"]);
  column.example = ReadText(field["example"]);
  field.Read("same_weights", column.same_weights);
  return column;
}

// Whether a subject is what its name will say of it in the table.
Status CheckColumn(const PublishedColumn& column, const BenchSubject& subject) {
  const std::string fix = fmt::format("{}={}", column.name, column.example);
  if (KindText(subject) != column.kind) {
    return UsageError(fmt::format("--published: the subject {} is of kind '{}', but its row is of kind '{}'",
                                  column.name, KindText(subject), column.kind),
                      fix);
  }
  if (!subject.bundle || subject.bundle->precision == column.precision) return {};
  return UsageError(fmt::format("--published: the subject {} must be {}, but {} is {}", column.name, column.precision,
                                subject.path, subject.bundle->precision),
                    fix);
}

// What only the workers could say, once they ran.
Status CheckRan(const BenchArguments& a, const PublishedTable& table, const MeasuredColumns& row) {
  if (a.backend.provider != table.provider || !a.backend.engines.empty()) {
    return UsageError(fmt::format("--published is a table of --provider {}: no other, no --engines", table.provider),
                      "-o keeps what was measured");
  }
  for (size_t i = 0; i < row.size(); ++i) {
    const std::string& wanted = table.columns[i].precision;
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

// The single graph that a subject of a bundle runs; "": it runs several.
std::string GraphOf(const BenchSubject& subject) {
  const auto parts = bench::PartsOf(subject.bundle->policy, subject.schedule);
  return parts.graphs.size() == 1 ? parts.graphs.front() : "";
}

// `reference` is null if it was not measured: ratios to it are unknown then, and no other stands in for it.
Json PublishedEntry(const PublishedColumn& column, const SubjectResult& s, const SubjectResult* reference) {
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
  if (reference != nullptr) {
    entry["speedup"] = reference->summary.mean_ns / s.summary.mean_ns;
    entry["size_reduction_percent"] = 100 * (1 - megabytes * 1e6 / static_cast<double>(reference->size_bytes));
  }
  if (s.quality) entry["mae"] = s.quality->mae;
  if (s.outputs) {
    entry["largest_action_difference"] = s.outputs->largest;
    entry["difference_against"] = s.outputs->against;
  }
  return entry;
}

void PrintPublished(const PublishedTable& published, const MeasuredColumns& measured, const SubjectResult* reference,
                    std::ostream& out) {
  std::vector<std::string> header{""};
  std::vector<const SubjectResult*> subjects;
  std::vector<std::string> missing;
  for (size_t i = 0; i < measured.size(); ++i) {
    if (measured[i] == nullptr) {
      missing.emplace_back(published.columns[i].title);
      continue;
    }
    header.emplace_back(published.columns[i].title);
    subjects.push_back(measured[i]);
  }
  TextTable table(header);
  const auto row = [&](const std::string& title, const auto& cell) {
    std::vector<std::string> cells{title};
    for (const SubjectResult* s : subjects) cells.push_back(cell(*s));
    table.AddRow(std::move(cells));
  };
  row("inference time, ms", [](const auto& s) { return fmt::format("{:.2f}", s.summary.mean_ns / 1e6); });
  row("throughput, FPS", [](const auto& s) { return fmt::format("{:.2f}", 1e9 / s.summary.mean_ns); });
  row("speed-up", [&](const auto& s) {
    return reference == nullptr ? "-" : fmt::format("{:.2f}x", reference->summary.mean_ns / s.summary.mean_ns);
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

Result<PublishedTable> ReadPublishedTable(const fs::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  constexpr const char* kExample = "examples/mobile_vla/published.json is a published table";
  const JsonField root(json, path.string(), kExample);
  PublishedTable table;
  table.where = path.string();
  root.HasSchema(kTableSchema, kExample);
  table.provider = ReadText(root["provider"]);
  table.folder = ReadFileName(root["folder"]);
  table.results = ReadFileName(root["results"]);
  table.reference = ReadText(root["reference"]);
  table.graph_of = ReadText(root["graph"]["of"]);
  table.graph_file = ReadFileName(root["graph"]["file"]);
  table.meaning = root["meaning"].ObjectText();
  for (const JsonField& field : root["columns"].Items()) {
    PublishedColumn column = ReadColumn(field);
    if (FindNamed(table.columns, column.name) != nullptr) {
      root.Fail(fmt::format("two columns are called '{}'", column.name));
    }
    table.columns.push_back(std::move(column));
  }
  std::vector<std::string> mentioned{table.reference, table.graph_of};
  for (const PublishedColumn& column : table.columns) {
    if (!column.same_weights.empty()) mentioned.push_back(column.same_weights);
  }
  for (const std::string& name : mentioned) {
    if (FindNamed(table.columns, name) == nullptr) {
      root.Fail(fmt::format("there is no column '{}', which it speaks of", name));
    }
  }
  VLAQ_RETURN_IF_ERROR(root.status());
  return table;
}

Status CheckPublished(const PublishedTable& table, const std::vector<BenchSubject>& subjects) {
  std::vector<std::string> examples;
  for (const PublishedColumn& column : table.columns) {
    examples.push_back(fmt::format("{}={}", column.name, column.example));
    const BenchSubject* subject = FindNamed(subjects, column.name);
    if (subject != nullptr) VLAQ_RETURN_IF_ERROR(CheckColumn(column, *subject));
  }
  const BenchSubject* published = FindNamed(subjects, table.graph_of);
  if (published == nullptr) {
    return UsageError(
        fmt::format("--published needs a subject named {}, whose graph is what is published", table.graph_of),
        fmt::format("{}", fmt::join(examples, " ")));
  }
  if (!published->bundle || published->bundle->weights.file.empty() || GraphOf(*published).empty()) {
    return UsageError(fmt::format("--published: the subject {} is no bundle that runs a single graph with its weights",
                                  table.graph_of),
                      "name a schedule of one graph: SCHEDULE:BUNDLE");
  }
  for (const PublishedColumn& column : table.columns) {
    const BenchSubject* subject = FindNamed(subjects, column.name);
    const BenchSubject* same = FindNamed(subjects, column.same_weights);
    if (subject == nullptr || same == nullptr || !subject->bundle || !same->bundle) continue;
    if (subject->bundle->weights.sha256 == same->bundle->weights.sha256) continue;
    return UsageError(fmt::format("--published: {} ({}) and {} ({}) have different weights", subject->name,
                                  subject->path, same->name, same->path),
                      "name the same bundle twice");
  }
  return {};
}

Status WritePublished(const BenchArguments& a, const PublishedTable& table, const std::vector<BenchSubject>& subjects,
                      const Results& results, std::ostream& out) {
  MeasuredColumns row;
  for (const PublishedColumn& column : table.columns) row.push_back(FindNamed(results.subjects, column.name));
  VLAQ_RETURN_IF_ERROR(CheckRan(a, table, row));
  const SubjectResult* reference = FindNamed(results.subjects, table.reference);
  const BenchSubject& published = *FindNamed(subjects, table.graph_of);
  const fs::path folder = a.published_to / table.folder;
  VLAQ_RETURN_IF_ERROR(MakeFolder(folder));
  const Existing existing = WhenExisting(a.force);
  const bundle::Bundle& bundle = *published.bundle;
  VLAQ_RETURN_IF_ERROR(CopyFile(bundle.GraphPath(GraphOf(published)), folder / table.graph_file, existing));
  VLAQ_RETURN_IF_ERROR(CopyFile(bundle.WeightsPath(), folder / bundle.weights.file, existing));
  Json document{{"schema", "vlaq.published/1"},
                {"device", results.machine.cpu},
                {"threads", results.settings.threads},
                {"protocol", ProtocolName(results.settings.protocol)},
                {"inputs", results.settings.inputs}};
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i] != nullptr) document[table.columns[i].name] = PublishedEntry(table.columns[i], *row[i], reference);
  }
  VLAQ_ASSIGN_OR_RETURN(document["meaning"], ParseJson(table.meaning, table.where));
  VLAQ_RETURN_IF_ERROR(WriteFile(folder / table.results, JsonString(document, 1) + "\n", existing));
  PrintPublished(table, row, reference, out);
  out << fmt::format("\nWritten: {} (with {}), {}\n", (folder / table.graph_file).string(), bundle.weights.file,
                     (folder / table.results).string());
  return {};
}

}  // namespace vlaq::cli
