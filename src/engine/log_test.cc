#include "engine/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace vlaq::engine {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kGood =
    "&&&& RUNNING TensorRT.trtexec [TensorRT v8602] # trtexec --onnx=a.onnx\n"
    "[11/20/2026-10:00:00] [I] Selected Device: Orin\n"
    "[11/20/2026-10:00:01] [W] [TRT] Some values go to 65504\n"
    "[11/20/2026-10:00:02] [W] [TRT] Some values go to 65504\n"
    "[11/20/2026-10:01:00] [I] Engine built in 61.5 sec.\n"
    "[11/20/2026-10:01:01] [I] [TRT] Loaded engine size: 61 MiB\n"
    "[11/20/2026-10:01:01] [I] [TRT] [MemUsageChange] TensorRT-managed allocation in IExecutionContext creation: CPU "
    "+0, "
    "GPU +25, now: CPU 0, GPU 86 (MiB)\n"
    "&&&& PASSED TensorRT.trtexec [TensorRT v8602] # trtexec --onnx=a.onnx\n";

ProgramRun Ended(std::string output, int exit_code, int signal = 0) {
  ProgramRun run;
  run.output = std::move(output);
  run.exit_code = exit_code;
  run.signal = signal;
  return run;
}

Error ErrorOf(const std::string& output, int exit_code = 1, int signal = 0) {
  const Status judged = JudgeRun(Ended(output, exit_code, signal), ReadLog(output), "building a.trt");
  EXPECT_FALSE(judged.ok());
  return judged.ok() ? Error{} : judged.error();
}

TEST(ToolLog, IsRead) {
  const ToolLog log = ReadLog(kGood);
  EXPECT_EQ(log.version, (Version{8, 6, 2}));
  EXPECT_EQ(log.passed, true);
  EXPECT_EQ(log.device, "Orin");
  EXPECT_EQ(log.build_seconds, 61.5);
  EXPECT_EQ(log.engine_mib, 61);
  EXPECT_EQ(log.managed_mib, 86);
  EXPECT_THAT(log.warnings, ElementsAre("Some values go to 65504"));
  EXPECT_FALSE(log.stand_in);
  EXPECT_TRUE(JudgeRun(Ended(kGood, 0), log, "x").ok());
  EXPECT_TRUE(ReadLog("[I] vlaq stand-in: nothing").stand_in);
}

TEST(ToolLog, OfTensorRt10HasABuildNumber) {
  const ToolLog log = ReadLog("&&&& RUNNING TensorRT.trtexec [TensorRT v101301] [b9] # trtexec\n");
  EXPECT_EQ(log.version, (Version{10, 13, 1}));
  EXPECT_EQ(log.passed, std::nullopt);
}

TEST(ToolLog, SurvivesAnything) {
  for (const char* text : {"", "\n\n", "&&&& ", "&&&& PASSED [TensorRT v]", "[E] ", "[TensorRT v99999999999999]",
                           "[I] Engine built in  sec.", "[I] now: GPU "}) {
    ReadLog(text);
  }
  EXPECT_EQ(ReadLog("&&&& RUNNING [TensorRT v99999999999999]").version, std::nullopt);
}

TEST(Causes, AreFoundInTheLog) {
  const std::string head = "&&&& RUNNING TensorRT.trtexec [TensorRT v8602] # trtexec\n";
  const std::string tail = "&&&& FAILED TensorRT.trtexec [TensorRT v8602] # trtexec\n";
  struct Row {
    const char* line;
    ErrorCode code;
    const char* says;
  };
  const std::vector<Row> rows{
      {"[11/20/2026-10:00:00] [E] [TRT] [8] No importer registered for op: Gelu", ErrorCode::kInput, "operator"},
      {"[11/20/2026-10:00:00] [E] [TRT] 2: Error Code 2: OutOfMemory (no further information)", ErrorCode::kBackend,
       "out of memory"},
      {"terminate called after throwing an instance of 'std::bad_alloc'", ErrorCode::kBackend, "out of memory"},
      {"NvMapMemAllocInternalTagged: 1075072515 error 12\nNvMapMemHandleAlloc: error 0\n"
       "[11/28/2026-17:00:00] [E] Error[2]: Error Code 2: Internal Error (Assertion engine != nullptr failed. )",
       ErrorCode::kBackend, "out of memory"},
      {"[11/20/2026-10:00:00] [E] [TRT] invalid weights type of Int8", ErrorCode::kInput, "refuses the graph"},
      {"[11/20/2026-10:00:00] [E] Error Code 1: Serialization (Serialization assertion plan->header failed)",
       ErrorCode::kBackend, "another version"},
      {"[11/20/2026-10:00:00] [E] could not write: No space left on device", ErrorCode::kInput, "disk is full"},
      {"[11/20/2026-10:00:00] [E] Unknown option: --stronglyTyped", ErrorCode::kBackend, "option"},
      {"[11/20/2026-10:00:00] [E] Error Code 10: (Could not find any implementation for node a/MatMul.)",
       ErrorCode::kBackend, "no implementation"},
      {"error while loading shared libraries: libnvinfer.so.8: cannot open shared object file", ErrorCode::kBackend,
       "not complete"},
      {"[11/20/2026-10:00:00] [E] something new", ErrorCode::kBackend, "something new"},
  };
  for (const Row& row : rows) {
    const Error error = ErrorOf(head + row.line + "\n" + tail);
    EXPECT_EQ(error.code, row.code) << row.line;
    EXPECT_THAT(error.ToString(), AllOf(HasSubstr("building a.trt"), HasSubstr(row.says)));
  }
}

// With every graph that has integer inputs TensorRT 10 warns so; it explains nothing.
TEST(Causes, AWarningIsNoneWhereSomethingElseSaysMore) {
  const std::string warned =
      "&&&& RUNNING TensorRT.trtexec [TensorRT v100300] # trtexec\n"
      "[11/20/2026-10:00:00] [W] [TRT] ModelImporter.cpp:420: Make sure input input_ids has Int64 binding.\n"
      "[11/20/2026-10:00:01] [W] [TRT] Skipping tactic 0x0 due to insufficient memory\n";
  EXPECT_THAT(ErrorOf(warned, -1, SIGKILL).what, HasSubstr("killed from outside"));
  EXPECT_THAT(ErrorOf(warned, -1, SIGSEGV).what, HasSubstr("crashed"));
  const std::string failed = "&&&& FAILED TensorRT.trtexec [TensorRT v100300] # trtexec\n";
  EXPECT_THAT(
      ErrorOf(warned + "[11/20/2026-10:00:02] [E] Error[10]: Could not find any implementation for node x\n" + failed)
          .what,
      HasSubstr("found no implementation"));
  EXPECT_THAT(ErrorOf(warned + failed).what, HasSubstr("Skipping tactic"));
}

// trtexec itself does not say why.
TEST(Causes, WhatCouldNotBeWrittenIsAMatterOfTheDisk) {
  const std::string output =
      "&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec\n"
      "[11/20/2026-10:00:00] [E] Saving engine to file failed.\n"
      "&&&& FAILED TensorRT.trtexec [TensorRT v8601] # trtexec\n";
  const auto judged = [&output](std::optional<uint64_t> free_bytes) {
    return JudgeRun(Ended(output, 1), ReadLog(output), "building a.trt", free_bytes).error();
  };
  EXPECT_EQ(judged(4096).code, ErrorCode::kInput);
  EXPECT_THAT(judged(4096).what, HasSubstr("the disk is full"));
  EXPECT_THAT(judged(uint64_t{1} << 40).what, HasSubstr("could not be written"));
  EXPECT_THAT(judged({}).what, HasSubstr("could not be written"));
}

TEST(Causes, WithoutWords) {
  const std::string half = "&&&& RUNNING TensorRT.trtexec [TensorRT v8602] # trtexec\n[I] going on";
  EXPECT_THAT(ErrorOf(half, 0).what, HasSubstr("breaks off"));
  EXPECT_THAT(ErrorOf(half, -1, SIGSEGV).what, HasSubstr("signal 11"));
  EXPECT_THAT(ErrorOf(half, -1, SIGKILL).what, HasSubstr("memory"));
  // A word in a note is no cause: here it is a path.
  const std::string path =
      "&&&& RUNNING TensorRT.trtexec [TensorRT v8602] # trtexec\n"
      "[11/20/2026-10:00:00] [I] Model: /data/out of memory/a.onnx\n";
  EXPECT_THAT(ErrorOf(path, -1, SIGSEGV).what, HasSubstr("crashed"));
}

}  // namespace
}  // namespace vlaq::engine
