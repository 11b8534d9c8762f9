#include <fmt/format.h>

#include "api/backends.h"
#include "base/json.h"
#include "base/libraries.h"
#include "base/machine.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/build_info.h"
#include "cli/commands.h"
#include "cli/doctor_tools.h"
#include "data/libraries.h"
#include "image/libraries.h"
#include "onnx/libraries.h"
#include "robot/realtime.h"
#include "ros2/libraries.h"
#include "serve/libraries.h"
#include "sim/libraries.h"
#include "tokenizer/libraries.h"

namespace vlaq::cli {
namespace {

struct PartRow {
  std::string name;
  std::string state;  // "ok", "missing", "missing (optional)"
  std::string version;
  std::string purpose;
};

struct Diagnosis {
  std::vector<PartRow> backends;
  std::vector<PartRow> libraries;
  std::vector<ToolRow> tools;
  Machine machine;
  std::vector<std::string> real_time_limits;
  uint64_t free_disk_bytes = 0;
  std::vector<std::string> missing;  // what is missing and how to get it
  bool can_run = false;
};

void AddLibraries(const std::vector<LibraryVersion>& versions, std::vector<PartRow>& rows) {
  for (const LibraryVersion& library : versions) rows.push_back({library.name, "ok", library.version, library.purpose});
}

// Libraries that vlaq can do without, or that they are missing.
void AddOptional(const Result<std::vector<LibraryVersion>>& found, const std::string& name, const std::string& purpose,
                 Diagnosis& d) {
  if (found.ok()) {
    AddLibraries(*found, d.libraries);
    return;
  }
  d.libraries.push_back({name, "missing (optional)", "", purpose});
  d.missing.push_back(found.error().ToString());
}

Diagnosis Diagnose(const std::filesystem::path& ort) {
  Diagnosis d;
  for (const auto& backend : api::AllBackends(ort)) {
    const Status available = backend->Available();
    PartRow row{std::string(backend->name()), available.ok() ? "ok" : "missing",
                available.ok() ? backend->Version() : "", std::string(backend->description())};
    if (!available.ok()) d.missing.push_back(available.error().ToString());
    // The reference back end is always there, but too slow to count as a way to run a policy.
    if (available.ok() && row.name != "reference") d.can_run = true;
    d.backends.push_back(std::move(row));
  }
  AddLibraries(onnx::Libraries(), d.libraries);
  AddOptional(tokenizer::Libraries(), "SentencePiece", "instructions to token ids", d);
  AddOptional(sim::Libraries(), "MuJoCo", "simulated robot", d);
  AddOptional(ros2::Libraries(), "Cyclone DDS", "ROS 2 topics", d);
  AddLibraries(image::Libraries(), d.libraries);
  AddLibraries(data::Libraries(), d.libraries);
  AddLibraries(serve::Libraries(), d.libraries);
  AddLibraries(BaseLibraries(), d.libraries);
  d.libraries.push_back({"CLI11", "ok", CLI11_VERSION, "command line"});
  d.tools = FindTools("/");
  d.machine = ThisMachine();
  d.real_time_limits = robot::RealTimeLimits();
  std::error_code ignored;
  d.free_disk_bytes = std::filesystem::space(".", ignored).available;
  return d;
}

Json AsJson(const std::vector<PartRow>& rows) {
  Json list = Json::array();
  for (const PartRow& row : rows) {
    list.push_back({{"name", row.name}, {"state", row.state}, {"version", row.version}, {"purpose", row.purpose}});
  }
  return list;
}

Json AsJson(const Diagnosis& d) {
  Json features = Json::array();
  for (const CpuFeature& f : d.machine.features) {
    features.push_back({{"name", f.name}, {"present", f.present}, {"purpose", f.purpose}});
  }
  Json tools = Json::array();
  for (const ToolRow& tool : d.tools) {
    tools.push_back(
        {{"name", tool.name}, {"found", !tool.version.empty()}, {"version", tool.version}, {"purpose", tool.purpose}});
  }
  const BuildInfo build = ThisBuild();
  return {{"schema", "vlaq.doctor/1"},
          {"vlaq",
           {{"version", kVersion},
            {"build_type", build.build_type},
            {"compiler", build.compiler},
            {"revision", build.revision}}},
          {"backends", AsJson(d.backends)},
          {"libraries", AsJson(d.libraries)},
          {"tools", std::move(tools)},
          {"machine",
           {{"cpu", d.machine.cpu},
            {"architecture", d.machine.architecture},
            {"kernel", d.machine.kernel},
            {"features", std::move(features)},
            {"threads", d.machine.threads},
            {"cores", d.machine.cores},
            {"memory_bytes", d.machine.memory_bytes},
            {"available_memory_bytes", d.machine.available_memory_bytes},
            {"free_disk_bytes", d.free_disk_bytes}}},
          {"real_time", {{"kernel", robot::IsRealTimeKernel()}, {"limits", d.real_time_limits}}},
          {"missing", d.missing},
          {"can_run", d.can_run}};
}

std::string AsTable(std::vector<std::string> header, const std::vector<PartRow>& rows) {
  TextTable table(std::move(header));
  for (const PartRow& row : rows) table.AddRow({row.name, row.state, row.version, row.purpose});
  return table.ToString() + "\n";
}

void PrintList(std::string_view title, const std::vector<std::string>& lines, std::ostream& out) {
  out << "\n" << title << "\n";
  for (const std::string& line : lines) out << "  - " << line << "\n";
}

void Print(const Diagnosis& d, std::ostream& out) {
  const BuildInfo build = ThisBuild();
  out << fmt::format("vlaq {}, {} build, {}, git revision {}\n\n", kVersion, build.build_type, build.compiler,
                     build.revision.empty() ? "unknown" : build.revision);
  out << AsTable({"back end", "state", "version", "what for"}, d.backends);
  out << AsTable({"library", "state", "version", "what for"}, d.libraries);
  TextTable tools({"tool", "state", "version", "what for"});
  for (const ToolRow& tool : d.tools) {
    tools.AddRow({tool.name, tool.version.empty() ? "not found" : "ok", tool.version, tool.purpose});
  }
  out << tools.ToString() << "\n";
  TextTable machine({"machine", "found", "what for"});
  machine.AddRow({"CPU", fmt::format("{} ({})", d.machine.cpu, d.machine.architecture), ""});
  for (const CpuFeature& f : d.machine.features) machine.AddRow({f.name, f.present ? "yes" : "no", f.purpose});
  machine.AddRow({"threads", fmt::format("{} of {}", d.machine.threads, d.machine.cores), "that vlaq may use"});
  machine.AddRow(
      {"memory",
       fmt::format("{}, {} free", HumanBytes(d.machine.memory_bytes), HumanBytes(d.machine.available_memory_bytes)),
       "running the full-size policy takes 7 GB in float32"});
  machine.AddRow({"disk here", HumanBytes(d.free_disk_bytes) + " free", "a full-size bundle takes 6.8 GB"});
  machine.AddRow({"kernel",
                  fmt::format("{}, {}", d.machine.kernel, robot::IsRealTimeKernel() ? "PREEMPT_RT" : "no PREEMPT_RT"),
                  "the control tick of vlaq robot in time"});
  out << machine.ToString();
  if (d.missing.empty()) {
    out << "\nNothing is missing that vlaq itself needs; tools that are not found matter to the commands named with "
           "them.\n";
  } else {
    PrintList("Missing:", d.missing, out);
  }
  if (!d.real_time_limits.empty()) {
    PrintList("The control tick of `vlaq robot` cannot have all that Linux offers:", d.real_time_limits, out);
  }
}

}  // namespace

Action AddDoctor(CLI::App& app, Context& context) {
  struct Arguments {
    std::filesystem::path ort;
    bool json = false;
  };
  auto a = std::make_shared<Arguments>();
  app.add_option("--ort", a->ort, "The ONNX Runtime library to look at (also: the variable VLAQ_ORT)")
      ->type_name("FILE");
  AddJsonFlag(app, a->json);
  app.footer("Exit code 4 if no back end could run a policy.\n\nExample:\n  vlaq doctor");
  return [a, &context]() -> Status {
    const Diagnosis diagnosis = Diagnose(a->ort);
    if (a->json) {
      PrintJson(AsJson(diagnosis), context.out);
    } else {
      Print(diagnosis, context.out);
    }
    if (diagnosis.can_run) return {};
    return Error{ErrorCode::kBackend, "no back end can run a policy", "", "the list above says what is missing"};
  };
}

}  // namespace vlaq::cli
