// A machine made of files: what it says is read, what it does not say is absent.
#include "bench/harness/machine_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing.h"

namespace vlaq::harness {
namespace {

class MachineTest : public ::testing::Test {
 protected:
  void Put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((folder_.path() / path).parent_path());
    std::ofstream(folder_.path() / path) << text << "\n";
  }
  Reading Read(std::vector<int> own = {}) { return MachineReader(folder_.path(), std::move(own)).Read(); }
  TemporaryFolder folder_;
};

TEST_F(MachineTest, SaysNothingWhereThereIsNothing) {
  const Reading reading = Read();
  EXPECT_EQ(reading.temperature_c, std::nullopt);
  EXPECT_EQ(reading.clock_mhz, std::nullopt);
  EXPECT_EQ(reading.energy_j, std::nullopt);
  EXPECT_EQ(reading.power_w, std::nullopt);
  EXPECT_EQ(reading.throttles, std::nullopt);
  const MachineState state = MachineReader(folder_.path()).Describe();
  EXPECT_EQ(state.governor, std::nullopt);
  EXPECT_EQ(state.boost, std::nullopt);
  EXPECT_EQ(state.cpu_quota, std::nullopt);
  EXPECT_GT(state.cores, 0);
}

TEST_F(MachineTest, ReadsALaptop) {
  Put("proc/loadavg", "1.25 0.5 0.1 1/100 5");
  Put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave");
  Put("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2400000");
  Put("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "3100000");
  Put("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "2");
  Put("sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "3");
  Put("sys/devices/system/cpu/intel_pstate/no_turbo", "1");
  Put("sys/class/thermal/thermal_zone0/temp", "41000");
  Put("sys/class/thermal/thermal_zone1/temp", "67500");
  Put("sys/class/powercap/intel-rapl:0/energy_uj", "5000000");
  Put("sys/class/powercap/intel-rapl:0:0/energy_uj", "4000000");
  Put("sys/class/powercap/intel-rapl:1/energy_uj", "1000000");
  Put("sys/fs/cgroup/cpu.max", "150000 100000");
  Put("sys/fs/cgroup/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 4");
  const Reading reading = Read();
  EXPECT_EQ(reading.load, 1.25);
  EXPECT_EQ(reading.clock_mhz, 3100);
  EXPECT_EQ(reading.temperature_c, 67.5);
  EXPECT_EQ(reading.energy_j, 6) << "packages, not their parts";
  EXPECT_EQ(reading.throttles, 5);
  EXPECT_EQ(reading.quota_stops, 4);
  const MachineState state = MachineReader(folder_.path()).Describe();
  EXPECT_EQ(state.governor, "powersave");
  EXPECT_EQ(state.boost, false);
  EXPECT_EQ(state.cpu_quota, 1.5);
}

TEST_F(MachineTest, ReadsAJetson) {
  Put("sys/class/hwmon/hwmon0/name", "tmp451");
  Put("sys/class/hwmon/hwmon1/name", "ina3221");
  Put("sys/class/hwmon/hwmon1/in1_input", "19000");
  Put("sys/class/hwmon/hwmon1/curr1_input", "500");
  const auto power = Read().power_w;
  ASSERT_TRUE(power.has_value());
  EXPECT_DOUBLE_EQ(*power, 9.5);
}

TEST_F(MachineTest, CountsItsOwnProcessesAsItsOwn) {
  Put("proc/stat", "cpu 100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3");
  Put("proc/self/stat", "1 (vl) aq) S 1 1 1 0 -1 4194560 100 0 0 0 30 20 0 0 20 0 1 0 5");
  Put("proc/77/stat", "77 (sh) R 1 77 1 0 -1 4194560 100 0 0 0 200 100 0 0 20 0 1 0 5");
  Put("proc/79/stat", "79 (stranger) R 1 79 1 0 -1 4194560 100 0 0 0 5000 100 0 0 20 0 1 0 5");
  const Reading reading = Read({77, 78});
  EXPECT_DOUBLE_EQ(reading.cpu_all_s, 10);
  EXPECT_DOUBLE_EQ(reading.cpu_idle_s, 8.5);
  EXPECT_DOUBLE_EQ(reading.own_s, 3.5);
}

// The shell of a command starts what really works: in its process group, and gone perhaps at the next reading.
TEST_F(MachineTest, CountsWhatItsProcessesStartedAsItsOwn) {
  Put("proc/self/stat", "1 (vlaq) S 1 1 1 0 -1 4194560 100 0 0 0 0 0 0 0 20 0 1 0 5");
  Put("proc/77/stat", "77 (sh) S 1 77 1 0 -1 4194560 100 0 0 0 1 1 30 20 20 0 1 0 5");
  Put("proc/80/stat", "80 (python3) R 77 77 1 0 -1 4194560 100 0 0 0 200 100 0 0 20 0 1 0 5");
  Put("proc/81/stat", "81 (a worker) R 80 77 1 0 -1 4194560 100 0 0 0 40 0 0 0 20 0 1 0 5");
  EXPECT_DOUBLE_EQ(Read({77}).own_s, 0.52 + 3 + 0.4);
}

TEST_F(MachineTest, TheControlGroupIsTheOneThatItIsIn) {
  Put("proc/self/cgroup", "0::/user.slice/job.scope");
  Put("sys/fs/cgroup/cpu.stat", "usage_usec 5");
  Put("sys/fs/cgroup/user.slice/cpu.stat", "usage_usec 5\nnr_throttled 2");
  Put("sys/fs/cgroup/user.slice/cpu.max", "400000 100000");
  Put("sys/fs/cgroup/user.slice/job.scope/cpu.stat", "usage_usec 5\nnr_throttled 7");
  Put("sys/fs/cgroup/user.slice/job.scope/cpu.max", "max 100000");
  Put("sys/fs/cgroup/other.slice/cpu.stat", "nr_throttled 100");
  EXPECT_EQ(Read().quota_stops, 9) << "its own and those above";
  EXPECT_EQ(MachineReader(folder_.path()).Describe().cpu_quota, 4);
}

TEST_F(MachineTest, ReadsControlGroupsOfVersion1) {
  Put("proc/self/cgroup", "5:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n0::/");
  Put("sys/fs/cgroup/memory/docker/a/cpu.stat", "nr_throttled 100");
  Put("sys/fs/cgroup/cpu/docker/a/cpu.stat", "nr_periods 9\nnr_throttled 3");
  Put("sys/fs/cgroup/cpu/docker/a/cpu.cfs_quota_us", "50000");
  Put("sys/fs/cgroup/cpu/docker/a/cpu.cfs_period_us", "100000");
  Put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1");
  Put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  EXPECT_EQ(Read().quota_stops, 3);
  EXPECT_EQ(MachineReader(folder_.path()).Describe().cpu_quota, 0.5);
}

// A container sees its own group as the root of the mount, by whatever path the system knows it.
TEST_F(MachineTest, AContainersGroupIsTheRootOfItsMount) {
  Put("proc/self/cgroup", "0::/system.slice/docker-ab.scope");
  Put("sys/fs/cgroup/cpu.stat", "nr_throttled 6");
  EXPECT_EQ(Read().quota_stops, 6);
}

std::optional<ClockStep> StepOf(const std::vector<double>& clocks) {
  std::vector<Reading> readings;
  for (const double mhz : clocks) readings.push_back({.clock_mhz = mhz > 0 ? std::optional(mhz) : std::nullopt});
  return LargestClockStep(readings);
}

TEST(LargestClockStep, IsOneThatStays) {
  EXPECT_FALSE(StepOf({}).has_value());
  EXPECT_FALSE(StepOf({0, 2000, 0}).has_value()) << "one reading is no step";
  EXPECT_LT(StepOf({2000, 2010, 1990, 2005, 2000, 2010, 1995})->share(), kClockStepLimit);
  EXPECT_LT(StepOf({2000, 2000, 2000, 800, 2000, 2000, 2000, 2000})->share(), kClockStepLimit) << "an idle moment";
  const auto throttled = StepOf({3000, 3000, 0, 3010, 2990, 2000, 2010, 1990, 2000});
  ASSERT_TRUE(throttled.has_value());
  EXPECT_EQ(throttled->from_mhz, 3000);
  EXPECT_EQ(throttled->to_mhz, 2000);
  EXPECT_DOUBLE_EQ(throttled->share(), 0.5);
  EXPECT_NEAR(StepOf({2000, 3000})->share(), 0.5, 1e-9) << "faster is another machine, too";
}

TEST(Conclude, SaysWhatOthersTookAndWhatWasThrottled) {
  MachineState state;
  Conclude({Reading{.cpu_all_s = 100, .cpu_idle_s = 50, .own_s = 10},
            Reading{.throttles = 3, .cpu_all_s = 110, .cpu_idle_s = 52, .own_s = 16}},
           state);
  EXPECT_NEAR(state.other_load, 0.2, 1e-9);
  EXPECT_EQ(state.throttled, std::nullopt) << "nothing said so at the start";
  Conclude({Reading{.throttles = 3}, Reading{.throttles = 4}}, state);
  EXPECT_EQ(state.throttled, true);
  Conclude({Reading{.quota_stops = 3}, Reading{.quota_stops = 3}}, state);
  EXPECT_EQ(state.throttled, false);
}

TEST(EnergyOf, TakesCountersOrAddsUpPower) {
  EXPECT_EQ(EnergyOf({Reading{.energy_j = 5}, Reading{}, Reading{.energy_j = 12}}), 7);
  EXPECT_EQ(EnergyOf({Reading{.energy_j = 5}, Reading{.energy_j = 1}}), std::nullopt) << "the counter started anew";
  const auto power = EnergyOf({Reading{.at_ns = 0, .power_w = 10}, Reading{.at_ns = 2'000'000'000, .power_w = 20}});
  ASSERT_TRUE(power.has_value());
  EXPECT_DOUBLE_EQ(*power, 30);
  EXPECT_EQ(EnergyOf({Reading{}, Reading{}}), std::nullopt);
}

TEST(MachineReader, ReadsThisMachine) {
  const MachineReader reader;
  const Reading reading = reader.Read();
  EXPECT_GT(reading.cpu_all_s, 0);
  EXPECT_GT(reading.at_ns, 0);
}

}  // namespace
}  // namespace vlaq::harness
