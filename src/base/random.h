// Seeded pseudo-random numbers that are the same on every machine and compiler (std:: distributions are not).
// Counter based: value i of stream s is a pure function of (seed, s, i), so work can be split over threads freely.
#pragma once

#include <cstdint>

namespace vlaq {

__extension__ using Wide = unsigned __int128;

class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 0) : key_(Mix(seed ^ Mix(stream + 0x9E3779B97F4A7C15ULL))) {}

  uint64_t Next() { return At(counter_++); }
  // Value number `index` of the stream, without moving the counter.
  uint64_t At(uint64_t index) const { return Mix(key_ + index * 0x9E3779B97F4A7C15ULL); }
  // Uniform integer in [0, bound), bound > 0. The bias of the multiply-shift is below 2^-32 for our bounds.
  uint64_t Below(uint64_t bound) { return static_cast<uint64_t>((static_cast<Wide>(Next()) * bound) >> 64U); }
  // Uniform in [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11U) * 0x1p-53; }
  // Uniform in [low, high).
  double Uniform(double low, double high) { return low + (high - low) * Uniform(); }
  // Standard normal (the cosine branch of Box and Muller).
  double Normal();

 private:
  // The finalizer of splitmix64 (Steele, Lea, Flood 2014).
  static uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }

  uint64_t key_;
  uint64_t counter_ = 0;
};

}  // namespace vlaq
