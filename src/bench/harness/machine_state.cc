#include "bench/harness/machine_state.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "base/machine.h"
#include "base/system_files.h"
#include "bench/harness/worker.h"

namespace vlaq::harness {
namespace {

namespace fs = std::filesystem;

// The largest of a file in each folder, in units of `unit`.
std::optional<double> Largest(const std::vector<fs::path>& folders, const std::string& file, double unit) {
  std::optional<double> largest;
  for (const fs::path& folder : folders) {
    const auto value = FirstNumber(folder / file);
    if (value && (!largest || *value * unit > *largest)) largest = *value * unit;
  }
  return largest;
}

std::optional<double> Sum(const std::vector<fs::path>& folders, const std::string& file) {
  std::optional<double> sum;
  for (const fs::path& folder : folders) {
    if (const auto value = FirstNumber(folder / file)) sum = sum.value_or(0) + *value;
  }
  return sum;
}

std::vector<fs::path> Processors(const fs::path& root) {
  return EntriesBeginning(root / "sys/devices/system/cpu", "cpu");
}

std::optional<double> ClockMhz(const fs::path& root) {
  if (const auto khz = Largest(Processors(root), "cpufreq/scaling_cur_freq", 1e-3)) return khz;
  std::ifstream info(root / "proc/cpuinfo");
  std::optional<double> fastest;
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("cpu MHz")) continue;
    std::istringstream value(line.substr(line.find(':') + 1));
    double mhz = 0;
    if (value >> mhz) fastest = std::max(fastest.value_or(0), mhz);
  }
  return fastest;
}

std::optional<double> Celsius(const fs::path& root) {
  auto zones = Largest(EntriesBeginning(root / "sys/class/thermal", "thermal_zone"), "temp", 1e-3);
  const auto chips = Largest(EntriesBeginning(root / "sys/class/hwmon", "hwmon"), "temp1_input", 1e-3);
  return chips && (!zones || *chips > *zones) ? chips : zones;
}

// RAPL counts microjoules of each package; "intel-rapl:0:1" and the like are parts of one.
std::optional<double> Joules(const fs::path& root) {
  std::vector<fs::path> packages;
  for (const fs::path& path : EntriesBeginning(root / "sys/class/powercap", "intel-rapl:")) {
    if (std::ranges::count(path.filename().string(), ':') == 1) packages.push_back(path);
  }
  const auto micro = Sum(packages, "energy_uj");
  return micro ? std::optional(*micro * 1e-6) : std::nullopt;
}

std::optional<int64_t> Throttles(const fs::path& root) {
  const auto count = Sum(Processors(root), "thermal_throttle/core_throttle_count");
  return count ? std::optional(static_cast<int64_t>(*count)) : std::nullopt;
}

// Folders of the control groups that may limit this process: its own and all above it, of version 2 and of version 1's
// cpu controller. What is mounted in a container may begin anywhere below the system's own; what is not there is left
// out.
std::vector<fs::path> ControlGroups(const fs::path& root) {
  std::vector<fs::path> groups;
  const auto add = [&groups](const fs::path& mount, fs::path group) {
    std::error_code ignored;
    for (;; group = group.parent_path()) {
      if (fs::is_directory(mount / group, ignored)) groups.push_back(mount / group);
      if (group.empty()) return;
    }
  };
  const fs::path mount = root / "sys/fs/cgroup";
  bool unified = false;
  std::ifstream lines(root / "proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {  // "0::/user.slice/a", "4:cpu,cpuacct:/docker/b"
    const size_t controllers_begin = line.find(':');
    const size_t path_begin = line.find(':', controllers_begin + 1);
    if (controllers_begin == std::string::npos || path_begin == std::string::npos) continue;
    const std::string controllers = line.substr(controllers_begin + 1, path_begin - controllers_begin - 1);
    std::string path = line.substr(path_begin + 1);
    path.erase(0, path.find_first_not_of('/'));
    if (path.find("..") != std::string::npos) path.clear();  // outside of what this process may see
    const bool cpu = ("," + controllers + ",").find(",cpu,") != std::string::npos;
    if (!controllers.empty() && !cpu) continue;
    unified = unified || controllers.empty();
    std::error_code ignored;
    const bool together = cpu && fs::is_directory(mount / controllers, ignored);  // else each by its own name
    add(cpu ? mount / (together ? controllers : "cpu") : mount, path);
  }
  if (!unified) add(mount, "");
  return groups;
}

// "nr_throttled 3" of cpu.stat, of all groups together: each counts what its own quota stopped.
std::optional<int64_t> QuotaStops(const fs::path& root) {
  std::optional<int64_t> stops;
  for (const fs::path& group : ControlGroups(root)) {
    std::ifstream stat(group / "cpu.stat");
    for (std::string key; stat >> key;) {
      int64_t value = 0;
      if (stat >> value && key == "nr_throttled") stops = stops.value_or(0) + value;
    }
  }
  return stops;
}

// The least quota of all groups, in processors: "200000 100000" or "max 100000"; of version 1 two files, and -1 for
// none.
std::optional<double> Quota(const fs::path& root) {
  std::optional<double> least;
  const auto take = [&least](double quota, double period) {
    if (quota > 0 && period > 0) least = std::min(least.value_or(quota / period), quota / period);
  };
  for (const fs::path& group : ControlGroups(root)) {
    std::istringstream text(FirstLine(group / "cpu.max").value_or(""));
    double quota = 0, period = 0;
    if (text >> quota >> period) take(quota, period);
    take(FirstNumber(group / "cpu.cfs_quota_us").value_or(-1), FirstNumber(group / "cpu.cfs_period_us").value_or(0));
  }
  return least;
}

double SecondsPerTick() { return 1.0 / static_cast<double>(std::max(1L, ::sysconf(_SC_CLK_TCK))); }

// The first line of /proc/stat: user nice system idle iowait irq softirq steal.
void ReadLoad(const fs::path& root, Reading& reading) {
  std::ifstream stat(root / "proc/stat");
  std::string word;
  stat >> word;
  constexpr int kColumns = 8, kIdle = 3, kIoWait = 4;
  for (int i = 0; i < kColumns; ++i) {
    double ticks = 0;
    if (!(stat >> ticks)) break;
    reading.cpu_all_s += ticks * SecondsPerTick();
    if (i == kIdle || i == kIoWait) reading.cpu_idle_s += ticks * SecondsPerTick();
  }
}

struct ProcessTime {
  int64_t group = 0;
  double cpu_s = 0;  // its own and that of children that have ended, so that nothing is lost with a short-lived one
};

// Reads /proc/PID/stat, whose second field may hold anything but ")".
std::optional<ProcessTime> TimeOf(const fs::path& process) {
  const std::string line = FirstLine(process / "stat").value_or("");
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  ProcessTime time;
  std::string skipped;
  fields >> skipped >> skipped >> time.group;  // state, parent, group
  constexpr int kBetween = 8;                  // session ... cmajflt
  for (int i = 0; i < kBetween; ++i) fields >> skipped;
  double ticks = 0;
  for (int i = 0; i < 4 && fields >> ticks; ++i)
    time.cpu_s += ticks * SecondsPerTick();  // utime, stime, cutime, cstime
  return time;
}

// CPU time of this process, of `own`, and of all in the process groups that those lead: a command may start others.
double OwnSeconds(const fs::path& root, const std::vector<int>& own) {
  double seconds = 0;
  if (const auto self = TimeOf(root / "proc/self")) seconds = self->cpu_s;
  const auto is_own = [&own](int64_t id) { return std::ranges::find(own, id) != own.end(); };
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(root / "proc", ignored)) {
    const std::string name = entry.path().filename().string();
    int pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    const auto time = TimeOf(entry.path());
    if (time && (is_own(pid) || is_own(time->group))) seconds += time->cpu_s;
  }
  return seconds;
}

}  // namespace

MachineState MachineReader::Describe() const {
  const Machine machine = ThisMachine();
  MachineState state;
  state.cpu = machine.cpu;
  state.architecture = machine.architecture;
  for (const CpuFeature& feature : machine.features) {
    if (feature.present) state.features.push_back(feature.name);
  }
  state.cores = machine.cores;
  state.threads = machine.threads;
  state.memory_bytes = machine.memory_bytes;
  state.kernel = machine.kernel;
  state.governor = FirstLine(root_ / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  if (const auto boost = FirstNumber(root_ / "sys/devices/system/cpu/cpufreq/boost")) state.boost = *boost != 0;
  if (const auto off = FirstNumber(root_ / "sys/devices/system/cpu/intel_pstate/no_turbo")) state.boost = *off == 0;
  state.cpu_quota = Quota(root_);
  return state;
}

Reading MachineReader::Read() const {
  Reading reading;
  reading.at_ns = NowNs();
  reading.load = FirstNumber(root_ / "proc/loadavg").value_or(0);
  reading.temperature_c = Celsius(root_);
  reading.clock_mhz = ClockMhz(root_);
  reading.energy_j = Joules(root_);
  reading.power_w = BoardInputWatts(root_);
  reading.throttles = Throttles(root_);
  reading.quota_stops = QuotaStops(root_);
  ReadLoad(root_, reading);
  reading.own_s = OwnSeconds(root_, own_);
  return reading;
}

void Conclude(std::vector<Reading> readings, MachineState& machine) {
  machine.readings = std::move(readings);
  if (machine.readings.size() < 2) return;
  const Reading& a = machine.readings.front();
  const Reading& b = machine.readings.back();
  const double all = b.cpu_all_s - a.cpu_all_s, idle = b.cpu_idle_s - a.cpu_idle_s, own = b.own_s - a.own_s;
  if (all > 0) machine.other_load = std::max(0.0, (all - idle - own) / all);
  const auto grew = [](const auto& before, const auto& after) { return before && after && *after > *before; };
  if (a.throttles || a.quota_stops) {
    machine.throttled = grew(a.throttles, b.throttles) || grew(a.quota_stops, b.quota_stops);
  }
}

double ClockStep::share() const { return std::max(from_mhz, to_mhz) / std::min(from_mhz, to_mhz) - 1; }

std::optional<ClockStep> LargestClockStep(const std::vector<Reading>& readings) {
  std::vector<double> clocks;
  for (const Reading& reading : readings) {
    if (reading.clock_mhz.value_or(0) > 0) clocks.push_back(*reading.clock_mhz);
  }
  if (clocks.size() < 2) return std::nullopt;
  const size_t side = std::clamp<size_t>(clocks.size() / 2, 1, 3);
  std::optional<ClockStep> largest;
  for (size_t i = side; i + side <= clocks.size(); ++i) {
    const auto at = clocks.begin() + static_cast<std::ptrdiff_t>(i);
    const ClockStep step{Median({clocks.begin(), at}), Median({at, clocks.end()})};
    if (!largest || step.share() > largest->share()) largest = step;
  }
  return largest;
}

std::optional<double> EnergyOf(const std::vector<Reading>& readings) {
  if (readings.size() < 2) return std::nullopt;
  const Reading& a = readings.front();
  const Reading& b = readings.back();
  // The counter starts anew some day; a run across that says nothing.
  if (a.energy_j && b.energy_j)
    return *b.energy_j >= *a.energy_j ? std::optional(*b.energy_j - *a.energy_j) : std::nullopt;
  double joules = 0;
  for (size_t i = 1; i < readings.size(); ++i) {
    if (!readings[i - 1].power_w || !readings[i].power_w) return std::nullopt;
    const double seconds = static_cast<double>(readings[i].at_ns - readings[i - 1].at_ns) / 1e9;
    joules += seconds * (*readings[i - 1].power_w + *readings[i].power_w) / 2;
  }
  return joules;
}

}  // namespace vlaq::harness
