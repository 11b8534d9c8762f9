// What each kind of document contributes to the page. Each reads its document through JsonField and reports trouble
// there.
#pragma once

#include "report/document.h"
#include "report/draft.h"

namespace vlaq::report {

void AddResults(const Document& document, const JsonField& root, Draft& draft);     // vlaq.results/1, of bench
void AddTimings(const Document& document, const JsonField& root, Draft& draft);     // its times, as plots
void AddWhatRan(const Document& document, const JsonField& root, Draft& draft);     // what each subject ran on and took
void AddReceipt(const Document& document, const JsonField& root, Draft& draft);     // vlaq.verify/2
void AddOpenLoop(const Document& document, const JsonField& root, Draft& draft);    // vlaq.eval/2 open_loop
void AddSimulation(const Document& document, const JsonField& root, Draft& draft);  // vlaq.eval/2 simulation
void AddDrive(const Document& document, const JsonField& root, Draft& draft);       // vlaq.sim.render/1
void AddPlan(const Document& document, const JsonField& root, Draft& draft);        // vlaq.plan_quantize/1
void AddQuantized(const Document& document, const JsonField& root, Draft& draft);   // vlaq.quantize/1
void AddInspection(const Document& document, const JsonField& root, Draft& draft);  // vlaq.inspect/1
void AddCost(const Document& document, const JsonField& root, Draft& draft);        // vlaq.plan_cost/1
void AddDevice(const Document& document, const JsonField& root, Draft& draft);      // vlaq.plan_device/1

// "VALID" and "verified" are good, "UNSTABLE" and what cannot be tested warn, the rest is bad.
Severity MoodOf(std::string_view state);
// A verdict's text with its mood.
Cell State(const std::string& state);
// Higher is worse: good and plain 0, bad 2.
int MoodRank(Severity mood);

// Rows of a machine's table from what was read while it measured: clocks, temperatures, power, throttling.
void AddReadings(const JsonField& readings, Table& machine);
// Object members as rows "name | value", folded away; nested objects become "a, b". Names and values are for people:
// "budget_ns": 15000000000 is "budget | 15 s".
Table SettingsTable(const std::string& caption, const JsonField& settings);

// "12.3 ms"
std::string Milliseconds(double ns);
// "15 s", "400 ms", "1.5 us"
std::string DurationText(double ns);
// "6.82 GB"
std::string BytesText(const JsonField& number);
std::string BytesText(double bytes);
// The name of a subject of bench as it is shown: without its folders.
std::string SubjectName(const JsonField& subject);
// Rows and columns changed places, the first column's names on top.
Table Transposed(const Table& table);
// Units of actions as a text: each once. What documents of an earlier vlaq meant; what a policy does not say.
inline constexpr const char* kUnitsBefore = "m/s";
inline constexpr const char* kUnitsUnknown = "in the policy's own units";
void AddUnit(const std::string& unit, std::vector<std::string>& units);
std::string JoinedUnits(const std::vector<std::string>& units);
// "2.6 (2.5 to 2.7)" of {"median", "low", "high"}
std::string RatioText(const JsonField& ratio);

}  // namespace vlaq::report
