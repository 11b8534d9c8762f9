// Filling on several threads while another writes; the race detector looks at this one.
#include <gtest/gtest.h>

#include "base/testing.h"
#include "checkpoint/checkpoint.h"
#include "families/kosmos2_lstm/synthetic_checkpoint.h"

namespace vlaq::kosmos2_lstm {
namespace {

TEST(PolicyCheckpointThreads, ManyThreadsOneFile) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "m.pth";
  ASSERT_TRUE(WriteCheckpoint(path, {.threads = 4}, SilentLog()).ok());
  const auto opened = checkpoint::Checkpoint::Open(path, {.check_crc = true});
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  EXPECT_EQ((*opened)->entries().size(), 909U);
}

}  // namespace
}  // namespace vlaq::kosmos2_lstm
