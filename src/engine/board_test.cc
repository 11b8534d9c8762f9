#include "engine/board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing.h"

namespace vlaq::engine {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BoardTest : public ::testing::Test {
 protected:
  void Put(const std::string& path, const std::string& content) {
    const fs::path file = folder_.path() / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }
  fs::path root() const { return folder_.path(); }
  TemporaryFolder folder_;
};

TEST_F(BoardTest, IsReadFromItsFiles) {
  Put("proc/device-tree/model", std::string("NVIDIA Jetson Orin NX\0", 22));
  Put("etc/nv_tegra_release", "# R36 (release), REVISION: 3.0, GCID: 36106755, BOARD: generic\n");
  Put("dev/nvmap", "");
  Put("var/lib/nvpmodel/status", "pmode:0003 fmode:fanNull\n");
  Put("etc/nvpmodel.conf", "< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=3 NAME=25W >\n");
  const Board board = ReadBoard(root());
  EXPECT_EQ(board.model, "NVIDIA Jetson Orin NX");
  EXPECT_EQ(board.release, "R36 (release), REVISION: 3.0");
  EXPECT_TRUE(board.gpu);
  EXPECT_EQ(board.power_mode, "25W");
  Put("sys/class/devfreq/17000000.gpu/cur_freq", "918000000\n");
  Put("sys/class/thermal/thermal_zone1/type", "gpu-thermal\n");
  Put("sys/class/thermal/thermal_zone1/temp", "48500\n");
  Put("sys/class/hwmon/hwmon3/name", "ina3221\n");
  Put("sys/class/hwmon/hwmon3/in1_input", "5000\n");
  Put("sys/class/hwmon/hwmon3/curr1_input", "2000\n");
  const BoardReading state = ReadState(root());
  EXPECT_EQ(state.gpu_mhz, 918);
  EXPECT_EQ(state.gpu_c, 48.5);
  EXPECT_EQ(state.input_w, 10);
  EXPECT_EQ(state.memory_mhz, std::nullopt);
}

TEST_F(BoardTest, SaysNothingThatIsNotThere) {
  const Board board = ReadBoard(root());
  EXPECT_EQ(board.model, "");
  EXPECT_EQ(board.release, "");
  EXPECT_FALSE(board.gpu);
  EXPECT_EQ(board.power_mode, std::nullopt);
  const BoardReading state = ReadState(root());
  EXPECT_EQ(state.gpu_mhz, std::nullopt);
  EXPECT_EQ(state.input_w, std::nullopt);
}

TEST_F(BoardTest, KnowsAProgramForTheBoard) {
  std::string elf =
      std::string("\x7f") + "ELF" + std::string(14, '\0') + std::string("\xB7\0", 2) + "...libnvinfer.so.8...";
  Put("real", elf);
  const auto real = DescribeTool(root() / "real");
  ASSERT_TRUE(real.ok());
  EXPECT_TRUE(real->board_program);
  EXPECT_TRUE(real->uses_tensorrt);
  EXPECT_EQ(real->sha256.size(), 64U);
  elf[18] = 62;  // x86-64
  Put("other", elf);
  EXPECT_FALSE(DescribeTool(root() / "other")->board_program);
  Put("script", "#!/bin/sh\n# libnvinfer\n");
  EXPECT_FALSE(DescribeTool(root() / "script")->board_program);
  Put("short", "\x7f");
  EXPECT_FALSE(DescribeTool(root() / "short")->board_program);
  EXPECT_FALSE(DescribeTool(root() / "missing").ok());
}

TEST(WhyNotMeasured, NeedsEverything) {
  const Board board{"NVIDIA Jetson Orin NX", "R36", "aarch64", true, {}};
  const Tool tool{"/usr/src/tensorrt/bin/trtexec", "0", 1, true, true};
  EXPECT_THAT(WhyNotMeasured(board, tool, {}), IsEmpty());
  const auto spoiled = [&](void (*spoil)(Board&, Tool&, ToolLog&)) {
    Board b = board;
    Tool t = tool;
    ToolLog l;
    spoil(b, t, l);
    return WhyNotMeasured(b, t, l).size();
  };
  EXPECT_EQ(spoiled([](Board& b, Tool&, ToolLog&) { b.architecture = "x86_64"; }), 1U);
  EXPECT_EQ(spoiled([](Board& b, Tool&, ToolLog&) { b.model = "Raspberry Pi"; }), 1U);
  EXPECT_EQ(spoiled([](Board& b, Tool&, ToolLog&) { b.release = ""; }), 1U);
  EXPECT_EQ(spoiled([](Board& b, Tool&, ToolLog&) { b.gpu = false; }), 1U);
  EXPECT_EQ(spoiled([](Board&, Tool& t, ToolLog&) { t.board_program = false; }), 1U);
  EXPECT_EQ(spoiled([](Board&, Tool& t, ToolLog&) { t.uses_tensorrt = false; }), 1U);
  EXPECT_EQ(spoiled([](Board&, Tool&, ToolLog& l) { l.stand_in = true; }), 1U);
}

}  // namespace
}  // namespace vlaq::engine
