// Any bytes as an HDF5 global heap: the first 16 are the reference to a text, the rest is the file.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "data/global_heap.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using vlaq::data::GlobalHeap;
  if (size <= GlobalHeap::kReferenceBytes) return 0;
  const vlaq::Bytes bytes = std::as_bytes(std::span(data, size));
  const vlaq::Bytes file = bytes.subspan(GlobalHeap::kReferenceBytes);
  const int fd = ::memfd_create("heap", 0);
  if (fd < 0 || ::write(fd, file.data(), file.size()) != static_cast<ssize_t>(file.size())) std::abort();
  const auto mapped = vlaq::MappedFile::Open("/proc/self/fd/" + std::to_string(fd));
  ::close(fd);
  if (!mapped.ok()) std::abort();
  GlobalHeap heap(*mapped, 0);
  for (int repeat = 0; repeat < 2; ++repeat) {  // the second comes from what was kept
    const auto text = heap.Text(bytes.first(GlobalHeap::kReferenceBytes));
    if (text.ok() && text->size() > file.size()) std::abort();
  }
  return 0;
}
