// Damages a file the way disks, networks and attackers do. Seeded: the same random state gives the same damage.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"

namespace vlaq {

// A part of a file where damage is likely to matter: a header, a directory, a pickle.
struct HotRange {
  size_t begin = 0;
  size_t end = 0;
};

// One to four injuries (bits flipped, bytes and integers with telling values, text digits, ranges cut, doubled, moved,
// the end cut off), three of four of them inside the hot ranges. The result differs from the original.
std::string Mutate(const std::string& original, const std::vector<HotRange>& hot, Random& random);

}  // namespace vlaq
