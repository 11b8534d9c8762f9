// Any bytes as an MCAP recording: opened and read in both orders, which must give the same messages.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "mcap/format.h"
#include "mcap/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace mcap = vlaq::mcap;
  // The magic is given, since the fuzzer's time is for what follows.
  std::string file(mcap::kMagic);
  file.append(reinterpret_cast<const char*>(data), size);
  const auto reader = mcap::Reader::Open(vlaq::AsBytes(file), "fuzz");
  if (!reader.ok()) std::abort();  // the magic is right
  uint64_t sums[2] = {0, 0};
  size_t bytes = 0;
  for (const mcap::Order order : {mcap::Order::kFile, mcap::Order::kLogTime}) {
    uint64_t& sum = sums[order == mcap::Order::kFile ? 0 : 1];
    const auto damage =
        reader->Read({.topics = {}, .order = order}, [&](const mcap::Channel& channel, const mcap::Message& message) {
          sum += channel.id + message.log_time + message.sequence + message.data.size();
          for (const std::byte byte : message.data) sum += static_cast<uint8_t>(byte);
          bytes += message.data.size();
          return vlaq::Status();
        });
    if (!damage.ok()) return 0;
    if (damage->size() > mcap::kMostDamage) std::abort();
  }
  if (sums[0] != sums[1] || bytes > 2 * size) std::abort();
  return 0;
}
