// Any bytes as the pickle of a checkpoint: interpreted, searched for a state dict, described.
#include <cstdint>
#include <cstdlib>

#include "base/json.h"
#include "checkpoint/pickle_reader.h"
#include "checkpoint/pickle_settings.h"
#include "checkpoint/pickle_text.h"
#include "checkpoint/state_dict.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace checkpoint = vlaq::checkpoint;
  const vlaq::Bytes bytes = std::as_bytes(std::span(data, size));
  const auto document = checkpoint::ReadPickle(bytes, "fuzz");
  if (!document.ok()) return 0;
  constexpr size_t kLongestLine = 4000;  // 600 bytes of text and names, each at most escaped to four times its length
  checkpoint::PickleDescriber describer(*document, [](const checkpoint::TorchTensor&) { return std::string(); });
  if (describer.Describe(document->root()).size() > kLongestLine) std::abort();
  const auto state = checkpoint::FindStateDict(*document, "fuzz");
  if (!state.ok()) return 0;
  checkpoint::PickleSettings settings(*document);
  for (const auto& [name, value] : state->others) {
    static_cast<void>(settings.Of(value));
    if (describer.Describe(value).size() > kLongestLine) std::abort();
  }
  for (const auto& [name, tensor] : state->tensors) {
    // What ReadTorchTensor() promises: the packed size is valid and every element lies inside the storage.
    const uint64_t item = vlaq::DTypeBits(tensor.dtype) / 8;
    int64_t last = tensor.offset;
    for (size_t i = 0; i < tensor.shape.size(); ++i) last += (tensor.shape[i] - 1) * tensor.strides[i];
    if (*vlaq::ElementCount(tensor.shape) > 0 && (static_cast<uint64_t>(last) + 1) * item > tensor.storage_bytes) {
      std::abort();
    }
  }
  return 0;
}
