// What `bench` prints: the table, and for each verdict why.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "bench/harness/verdict.h"
#include "cli/bench_arguments.h"

namespace vlaq::cli {
namespace {

using harness::Comparison;
using harness::Protocol;
using harness::Results;
using harness::State;
using harness::SubjectResult;

// Three digits that count: "0.912", "12.3", "1,234".
std::string Milliseconds(double ns) {
  const double ms = ns / 1e6;
  return ms < 10 ? fmt::format("{:.3f}", ms) : ms < 100 ? fmt::format("{:.1f}", ms) : Grouped(std::llround(ms));
}

const Comparison* ComparisonWith(const Results& results, const std::string& name) {
  const auto found = std::ranges::find(results.comparisons, name, &Comparison::second);
  return found == results.comparisons.end() ? nullptr : &*found;
}

std::string SpeedUp(const Results& results, const SubjectResult& subject) {
  const Comparison* c = ComparisonWith(results, subject.name);
  if (c == nullptr) return "1";
  if (!std::isfinite(c->interval.low)) return fmt::format("{:.2f} ({} rounds: no interval)", c->ratio, c->rounds);
  return fmt::format("{:.2f} ({:.2f} to {:.2f})", c->ratio, c->interval.low, c->interval.high);
}

std::string DifferenceText(const SubjectResult& subject) {
  if (subject.quality) return fmt::format("MAE {:.4f}", subject.quality->mae);
  if (!subject.outputs) return "-";
  return fmt::format("{:.1e}", subject.outputs->largest);
}

std::string Last(const SubjectResult& subject) {
  const auto& deadlines = subject.summary.deadlines;
  return deadlines ? fmt::format("{} of {}", deadlines->missed, deadlines->of) : "";
}

// The plain percentile and the safe estimate above it; what the number of runs does not allow is not shown as a figure.
std::string PercentileText(const harness::Percentile& p) {
  if (!p.safe_ns) return "no claim";
  return fmt::format("{} (at most {})", Milliseconds(p.ns), Milliseconds(*p.safe_ns));
}

void PrintTable(const Results& results, std::ostream& out) {
  const bool control = results.settings.protocol == Protocol::kControl;
  std::vector<std::string> header{"subject", "median ms", "mean ms"};
  for (const double p : results.settings.percentiles) {
    if (p != 0.5) header.push_back(fmt::format("p{:g} ms", 100 * p));
  }
  header.insert(header.end(), {"steps/s", "times faster", "runs", "CPU ms", "size", "own memory", "differs by"});
  if (control) header.emplace_back("missed");
  header.emplace_back("verdict");
  TextTable table(header);
  for (const SubjectResult& s : results.subjects) {
    std::vector<std::string> row{s.name, Milliseconds(s.summary.median_ns), Milliseconds(s.summary.mean_ns)};
    for (const auto& p : s.summary.percentiles) {
      if (p.p != 0.5) row.push_back(PercentileText(p));
    }
    row.insert(row.end(),
               {fmt::format("{:.2f}", s.summary.throughput_per_s), SpeedUp(results, s), std::to_string(s.summary.n),
                Milliseconds(s.summary.cpu_ns_per_run), s.size_bytes == 0 ? "-" : HumanBytes(s.size_bytes),
                HumanBytes(s.memory.own_bytes), DifferenceText(s)});
    if (control) row.push_back(Last(s));
    row.emplace_back(StateName(s.verdict.state()));
    table.AddRow(std::move(row));
  }
  out << table.ToString();
}

// What "at most" and "no claim" mean, where they stand.
void PrintClaims(const Results& results, std::ostream& out) {
  const auto& asked = results.settings.percentiles;
  if (!results.settings.percentiles_given && asked.size() == 1) {
    out << fmt::format("p90 would need {} runs of each (--budget, --duration).\n",
                       harness::FewestFor(0.9, results.settings.confidence));
  }
  if (std::ranges::all_of(asked, [](double p) { return p == 0.5; })) return;
  out << fmt::format("at most: {:g} % sure, by MLPerf's early stopping. no claim: too few runs;",
                     100 * results.settings.confidence);
  for (const double p : asked) {
    if (p != 0.5) out << fmt::format(" p{:g} needs {}", 100 * p, harness::FewestFor(p, results.settings.confidence));
  }
  out << ".\n";
}

// The first of those that decide the verdict.
std::vector<harness::Finding> WorstOf(const harness::Verdict& verdict) {
  const auto worst = std::ranges::find(verdict.findings, verdict.state(), &harness::Finding::state);
  if (worst == verdict.findings.end()) return {};
  return {*worst};
}

// What is said of several alike, such as another program's load, is said once.
void PrintFindings(const Results& results, bool verbose, std::ostream& out) {
  std::vector<std::pair<harness::Finding, std::vector<std::string>>> findings;
  size_t all = 0, shown = 0;
  for (const SubjectResult& s : results.subjects) {
    const auto told = verbose ? s.verdict.findings : WorstOf(s.verdict);
    all += s.verdict.findings.size();
    shown += told.size();
    for (const auto& f : told) {
      const auto same = std::ranges::find_if(findings, [&f](const auto& known) {
        return known.first.check == f.check && known.first.value == f.value && known.first.advice == f.advice;
      });
      if (same != findings.end()) {
        same->second.push_back(s.name);
      } else {
        findings.push_back({f, {s.name}});
      }
    }
  }
  for (const auto& [f, names] : findings) {
    out << fmt::format("{} {}: {} {:.3g} (limit {:.3g}): {}\n", StateName(f.state),
                       Printable(fmt::format("{}", fmt::join(names, ", "))), Printable(f.check), f.value, f.limit,
                       Printable(f.advice));
  }
  if (shown < all) out << fmt::format("{} more findings: --verbose\n", all - shown);
}

void PrintProfiles(const Results& results, std::ostream& out) {
  constexpr size_t kShown = 8;
  for (const SubjectResult& s : results.subjects) {
    if (s.operators.empty()) continue;
    double all = 0;
    for (const auto& op : s.operators) all += static_cast<double>(op.ns);
    out << fmt::format("\nWhere a step of {} spends its time:\n", Printable(s.name));
    TextTable table({"operator", "arithmetic", "calls", "ms", "share %", "GMAC/s"});
    for (const auto& op : std::span(s.operators).first(std::min(kShown, s.operators.size()))) {
      const auto ns = static_cast<double>(op.ns);
      table.AddRow({op.op_type, op.precision, std::to_string(op.calls), Milliseconds(ns),
                    fmt::format("{:.1f}", 100 * ns / all),
                    op.macs > 0 && ns > 0 ? fmt::format("{:.0f}", static_cast<double>(op.macs) / ns) : ""});
    }
    out << table.ToString();
  }
}

void PrintRooflines(const Results& results, std::ostream& out) {
  if (!results.peaks) return;
  const harness::Peaks& peaks = *results.peaks;
  const auto rate = [](std::string_view arithmetic, const harness::Peaks::Rate& of) {
    return of.macs_per_s > 0 ? fmt::format("{:.0f} in {} ({})", of.macs_per_s / 1e9, arithmetic, of.kernel)
                             : fmt::format("nothing special in {}", arithmetic);
  };
  out << fmt::format("\nAt best this machine does, in GMAC/s: {}, {}, {}; and reads {:.1f} GB/s ({}).\n",
                     rate("float32", peaks.fp32), rate("bfloat16", peaks.bf16), rate("int8", peaks.int8),
                     peaks.bytes_per_s / 1e9, Counted(peaks.threads, "thread"));
  if (peaks.other_load > harness::Limits{}.other_load) {
    out << fmt::format(
        "But others took {:.0f} % of the machine while that was measured: the true peaks are higher, and less of them "
        "is "
        "reached than stands below.\n",
        100 * peaks.other_load);
  }
  TextTable table({"subject", "GMAC a step", "bytes a step", "at the limit, ms", "bound by", "reached %"});
  for (const SubjectResult& s : results.subjects) {
    if (!s.roofline) continue;
    table.AddRow({s.name, fmt::format("{:.3g}", s.roofline->macs / 1e9),
                  HumanBytes(static_cast<uint64_t>(s.roofline->bytes)), Milliseconds(s.roofline->limit_ns),
                  s.roofline->memory_bound ? "memory" : "arithmetic",
                  fmt::format("{:.0f}", 100 * s.roofline->fraction_of_limit)});
  }
  out << table.ToString();
}

void PrintSweeps(const Results& results, std::ostream& out) {
  for (const auto& sweep : results.sweeps) {
    out << fmt::format("\n{} over {}:\n", Printable(sweep.subject), Printable(sweep.axis));
    TextTable table({sweep.axis, "median ms", "ms an item", "runs", "verdict"});
    for (const auto& p : sweep.points) {
      table.AddRow({std::to_string(p.value), Milliseconds(p.median_ns), Milliseconds(p.per_item_ns),
                    std::to_string(p.n), std::string(StateName(p.state))});
    }
    out << table.ToString();
  }
}

}  // namespace

void PrintResults(const Results& results, bool verbose, std::ostream& out) {
  const auto& s = results.settings;
  out << fmt::format("{} protocol, {}, batch {}, {}; {}\n", ProtocolName(s.protocol), Counted(s.threads, "thread"),
                     s.batch, Printable(s.inputs), Printable(results.machine.cpu));
  out << fmt::format("The clock and a call cost {:.1f} us, which no time is corrected by.\n\n",
                     results.harness.call_ns / 1e3);
  PrintTable(results, out);
  const bool normalized = s.action_unit == harness::kNormalizedAction;
  out << fmt::format(
      "\ntimes faster: than the first, 95 % interval. differs by: largest difference of actions{} from the first's, "
      "or MAE on episodes.\n",
      normalized ? "" : fmt::format(" ({})", Printable(s.action_unit)));
  PrintClaims(results, out);
  PrintFindings(results, verbose, out);
  PrintProfiles(results, out);
  PrintRooflines(results, out);
  PrintSweeps(results, out);
}

}  // namespace vlaq::cli
