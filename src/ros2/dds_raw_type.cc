#include "ros2/dds_raw_type.h"

#include <dds/ddsi/q_radmin.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "ros2/cdr.h"

namespace vlaq::ros2 {
namespace {

struct RawType {
  ddsi_sertype base;  // first: DDS knows only this
  MessageCheck check;
  std::shared_ptr<RawTypeCounts> counts;
};

// One block of memory: this, then the bytes. DDS reads up to the next multiple of four.
struct RawSample {
  ddsi_serdata base{};  // first
  std::chrono::steady_clock::time_point received;
  size_t size = 0;

  std::byte* bytes() { return reinterpret_cast<std::byte*>(this + 1); }
  const std::byte* bytes() const { return reinterpret_cast<const std::byte*>(this + 1); }
};

const RawType& Raw(const ddsi_sertype* type) { return *reinterpret_cast<const RawType*>(type); }
const RawSample& Raw(const ddsi_serdata* sample) { return *reinterpret_cast<const RawSample*>(sample); }

size_t PaddedSize(size_t size) { return (size + 3) / 4 * 4; }

// With `size` bytes to fill and zeros behind them; nullptr where there is no memory.
RawSample* NewSample(const ddsi_sertype* type, ddsi_serdata_kind kind, size_t size) {
  void* memory = std::malloc(sizeof(RawSample) + PaddedSize(size));
  if (memory == nullptr) return nullptr;
  auto* sample = new (memory) RawSample;
  Dds().ddsi_serdata_init(&sample->base, type, kind);
  sample->base.hash = type->serdata_basehash;
  sample->received = std::chrono::steady_clock::now();
  sample->size = size;
  std::memset(sample->bytes() + size, 0, PaddedSize(size) - size);
  return sample;
}

void FreeSample(ddsi_serdata* sample) { std::free(sample); }

// The sample if it passes, else it is freed and counted.
ddsi_serdata* Checked(const ddsi_sertype* type, RawSample* sample) {
  const RawType& raw = Raw(type);
  const Bytes bytes(sample->bytes(), sample->size);
  if (sample->base.kind != SDK_DATA || raw.check == nullptr || raw.check(bytes).ok()) return &sample->base;
  raw.counts->malformed.fetch_add(1, std::memory_order_relaxed);
  FreeSample(&sample->base);
  return nullptr;
}

// From fragments as they came in; they may overlap.
ddsi_serdata* FromFragments(const ddsi_sertype* type, ddsi_serdata_kind kind, const nn_rdata* fragment, size_t size) {
  RawSample* sample = NewSample(type, kind, size);
  if (sample == nullptr) return nullptr;
  size_t filled = 0;
  for (; fragment != nullptr && filled < size; fragment = fragment->nextfrag) {
    if (fragment->maxp1 <= filled) continue;
    if (fragment->min > filled) break;
    const unsigned char* payload = NN_RMSG_PAYLOADOFF(fragment->rmsg, NN_RDATA_PAYLOAD_OFF(fragment));
    const size_t end = std::min<size_t>(fragment->maxp1, size);
    std::memcpy(sample->bytes() + filled, payload + (filled - fragment->min), end - filled);
    filled = end;
  }
  if (filled < size) {
    FreeSample(&sample->base);
    return nullptr;
  }
  return Checked(type, sample);
}

ddsi_serdata* FromParts(const ddsi_sertype* type, ddsi_serdata_kind kind, ddsrt_msg_iovlen_t count,
                        const ddsrt_iovec_t* parts, size_t size) {
  RawSample* sample = NewSample(type, kind, size);
  if (sample == nullptr) return nullptr;
  size_t filled = 0;
  for (size_t i = 0; i < static_cast<size_t>(count) && filled < size; ++i) {
    const size_t bytes = std::min<size_t>(parts[i].iov_len, size - filled);
    if (bytes > 0) std::memcpy(sample->bytes() + filled, parts[i].iov_base, bytes);
    filled += bytes;
  }
  if (filled < size) {
    FreeSample(&sample->base);
    return nullptr;
  }
  return Checked(type, sample);
}

// ROS's messages have no keys: all samples are of one instance.
bool EqualKeys(const ddsi_serdata* /*a*/, const ddsi_serdata* /*b*/) { return true; }
uint32_t SizeOf(const ddsi_serdata* sample) { return static_cast<uint32_t>(Raw(sample).size); }
ddsi_serdata* FromKeyHash(const ddsi_sertype* type, const ddsi_keyhash* /*hash*/) {
  RawSample* sample = NewSample(type, SDK_KEY, 0);
  return sample == nullptr ? nullptr : &sample->base;
}
ddsi_serdata* FromObject(const ddsi_sertype* /*type*/, ddsi_serdata_kind /*kind*/, const void* /*object*/) {
  return nullptr;  // nobody writes objects
}
void CopyBytes(const ddsi_serdata* sample, size_t offset, size_t size, void* to) {
  std::memcpy(to, Raw(sample).bytes() + offset, size);
}
ddsi_serdata* ReferToBytes(const ddsi_serdata* sample, size_t offset, size_t size, ddsrt_iovec_t* to) {
  to->iov_base = const_cast<std::byte*>(Raw(sample).bytes()) + offset;
  to->iov_len = size;
  return ddsi_serdata_ref(sample);
}
void ReleaseBytes(ddsi_serdata* sample, const ddsrt_iovec_t* /*bytes*/) { ddsi_serdata_unref(sample); }
bool ToObject(const ddsi_serdata* /*sample*/, void* /*object*/, void** /*buffer*/, void* /*limit*/) { return false; }
bool KeyToObject(const ddsi_sertype* /*type*/, const ddsi_serdata* /*sample*/, void* /*object*/, void** /*buffer*/,
                 void* /*limit*/) {
  return true;
}
ddsi_serdata* ToUntyped(const ddsi_serdata* sample) {
  RawSample* key = NewSample(sample->type, SDK_KEY, 0);
  if (key == nullptr) return nullptr;
  key->base.type = nullptr;
  return &key->base;
}
size_t Print(const ddsi_sertype* /*type*/, const ddsi_serdata* /*sample*/, char* text, size_t size) {
  if (size > 0) text[0] = '\0';
  return 0;
}
void KeyHash(const ddsi_serdata* /*sample*/, ddsi_keyhash* hash, bool /*force_md5*/) {
  std::memset(hash, 0, sizeof(*hash));
}

void FreeType(ddsi_sertype* type) {
  Dds().ddsi_sertype_fini(type);
  delete reinterpret_cast<RawType*>(type);
}
void ZeroObjects(const ddsi_sertype* /*type*/, void* /*objects*/, size_t /*count*/) {}
void ReallocateObjects(void** objects, const ddsi_sertype* /*type*/, void* /*old*/, size_t /*old_count*/,
                       size_t count) {
  std::fill_n(objects, count, nullptr);
}
void FreeObjects(const ddsi_sertype* /*type*/, void** /*objects*/, size_t /*count*/, dds_free_op_t /*operation*/) {}
bool EqualTypes(const ddsi_sertype* a, const ddsi_sertype* b) { return Raw(a).check == Raw(b).check; }
uint32_t HashOfType(const ddsi_sertype* /*type*/) { return 0; }

const ddsi_serdata_ops& SampleFunctions() {
  static const ddsi_serdata_ops functions = [] {
    ddsi_serdata_ops set{};
    set.eqkey = &EqualKeys;
    set.get_size = &SizeOf;
    set.from_ser = &FromFragments;
    set.from_ser_iov = &FromParts;
    set.from_keyhash = &FromKeyHash;
    set.from_sample = &FromObject;
    set.to_ser = &CopyBytes;
    set.to_ser_ref = &ReferToBytes;
    set.to_ser_unref = &ReleaseBytes;
    set.to_sample = &ToObject;
    set.to_untyped = &ToUntyped;
    set.untyped_to_sample = &KeyToObject;
    set.free = &FreeSample;
    set.print = &Print;
    set.get_keyhash = &KeyHash;
    return set;
  }();
  return functions;
}

const ddsi_sertype_ops& TypeFunctions() {
  static const ddsi_sertype_ops functions = [] {
    ddsi_sertype_ops set{};
    set.version = Dds().ddsi_sertype_v0;
    set.free = &FreeType;
    set.zero_samples = &ZeroObjects;
    set.realloc_samples = &ReallocateObjects;
    set.free_samples = &FreeObjects;
    set.equal = &EqualTypes;
    set.hash = &HashOfType;
    return set;
  }();
  return functions;
}

}  // namespace

ddsi_sertype* MakeRawType(const std::string& dds_type_name, MessageCheck check) {
  auto* type = new RawType{{}, check, std::make_shared<RawTypeCounts>()};
  Dds().ddsi_sertype_init_flags(&type->base, dds_type_name.c_str(), &TypeFunctions(), &SampleFunctions(),
                                DDSI_SERTYPE_FLAG_TOPICKIND_NO_KEY);
  type->base.allowed_data_representation = DDS_DATA_REPRESENTATION_FLAG_XCDR1;
  return &type->base;
}

std::shared_ptr<const RawTypeCounts> CountsOf(const ddsi_sertype& type) { return Raw(&type).counts; }

ddsi_serdata* MakeRawSample(const ddsi_sertype& type, Bytes cdr) {
  ddsrt_iovec_t part{};
  part.iov_base = const_cast<std::byte*>(cdr.data());
  part.iov_len = cdr.size();
  if (cdr.size() < kCdrHeaderBytes) return nullptr;
  const MessageCheck check = Raw(&type).check;
  if (check != nullptr && !check(cdr).ok()) return nullptr;  // one's own mistake is not a peer's
  return FromParts(&type, SDK_DATA, 1, &part, cdr.size());
}

Bytes BytesOf(const ddsi_serdata& sample) { return {Raw(&sample).bytes(), Raw(&sample).size}; }

std::chrono::steady_clock::time_point ReceivedAt(const ddsi_serdata& sample) { return Raw(&sample).received; }

}  // namespace vlaq::ros2
