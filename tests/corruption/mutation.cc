#include "mutation.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace vlaq {
namespace {

// Limits of integer types, sizes just off, and characters that mean something in pickles, JSON and names.
constexpr std::array<uint64_t, 18> kTelling = {0,         1,          2,          0x7F,       0x80,       0xFF,
                                               0x7FFF,    0xFFFF,     0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000,
                                               INT64_MAX, UINT64_MAX, '.',        '(',        '"',        '/'};

class Mutator {
 public:
  Mutator(std::string file, const std::vector<HotRange>& hot, Random& random)
      : file_(std::move(file)), hot_(hot), random_(random) {}

  void Injure() {
    if (file_.empty()) return;
    const size_t at = Place();
    switch (random_.Below(10)) {
      case 0:
      case 1:
        file_[at] = static_cast<char>(static_cast<unsigned char>(file_[at]) ^ (1U << random_.Below(8)));
        return;
      case 2:
        file_[at] = static_cast<char>(random_.Below(256));
        return;
      case 3:
      case 4:
        return WriteInteger(at);
      case 5:
        return Nudge(at);
      case 6:
        return file_.insert(at, RandomBytes()), void();
      case 7:
        file_.erase(at, 1 + random_.Below(64));
        return;
      case 8: {
        const std::string part = file_.substr(at, 1 + random_.Below(200));
        file_.insert(Place(), part);
        return;
      }
      case 9:
        if (random_.Below(3) == 0) file_.resize(random_.Below(file_.size()));
        return;
      default:
        return;
    }
  }

  std::string Take() { return std::move(file_); }

 private:
  size_t Place() {
    if (!hot_.empty() && random_.Below(4) != 0) {
      const HotRange& range = hot_[random_.Below(hot_.size())];
      const size_t at = range.begin + random_.Below(std::max<size_t>(range.end - range.begin, 1));
      if (at < file_.size()) return at;
    }
    return random_.Below(file_.size());
  }

  void WriteInteger(size_t at) {
    const uint64_t value = kTelling[random_.Below(kTelling.size())];
    const size_t width = std::min<size_t>(size_t{1} << random_.Below(4), file_.size() - at);
    std::memcpy(file_.data() + at, &value, width);
  }

  // A number, binary or digit, one more or less than it was.
  void Nudge(size_t at) { file_[at] = static_cast<char>(file_[at] + (random_.Below(2) == 0 ? 1 : -1)); }

  std::string RandomBytes() {
    std::string bytes(1 + random_.Below(32), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_.Below(256));
    return bytes;
  }

  std::string file_;
  const std::vector<HotRange>& hot_;
  Random& random_;
};

}  // namespace

std::string Mutate(const std::string& original, const std::vector<HotRange>& hot, Random& random) {
  for (;;) {
    Mutator mutator(original, hot, random);
    const uint64_t injuries = 1 + random.Below(4);
    for (uint64_t i = 0; i < injuries; ++i) mutator.Injure();
    std::string mutated = mutator.Take();
    if (mutated != original) return mutated;
  }
}

}  // namespace vlaq
