#include "quantize/numerics/histogram.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <numeric>

namespace vlaq::numerics {
namespace {

constexpr int kHalfBits = 12;  // kHalf = 2^kHalfBits
static_assert(Histogram::kHalf == int64_t{1} << kHalfBits);
// 1 / width stays a normal float for every exponent between these.
constexpr int kMinExponent = -100 - kHalfBits;
constexpr int kMaxExponent = 128 - kHalfBits;

// The narrowest bins that reach beyond `absmax`.
int ExponentFor(float absmax) {
  int above = 0;  // absmax < 2^above
  if (absmax > 0) std::frexp(absmax, &above);
  return std::max(absmax > 0 ? above - kHalfBits : kMinExponent, kMinExponent);
}

constexpr size_t kChunk = 512;
using Indices = std::array<int32_t, kChunk>;

// Multiplying by a power of two is exact, so an index at one width, halved, is the index at the next.
void IndicesOf(const float* values, size_t count, float inverse_width, Indices& indices) {
  for (size_t i = 0; i < count; ++i) {
    const int32_t towards_zero = static_cast<int32_t>(values[i] * inverse_width);
    indices[i] = towards_zero - static_cast<int32_t>(values[i] < 0) + static_cast<int32_t>(Histogram::kHalf);
  }
}

}  // namespace

void Histogram::Add(std::span<const float> values) {
  float absmax = 0;
  for (const float x : values) absmax = std::max(absmax, std::fabs(x));
  Add(values, absmax);
}

void Histogram::Add(std::span<const float> values, float absmax) {
  if (values.empty()) return;
  assert(std::isfinite(absmax));
  WidenTo(ExponentFor(absmax));
  const float inverse = std::ldexp(1.0F, -exponent_);
  // Neighbors often fall into one bin, and a count that was just written is slow to read: two tables take turns.
  std::array<uint32_t, kBins> odd{};
  Indices indices;
  constexpr size_t kMost = size_t{1} << 31U;  // what a 32-bit count surely holds
  while (!values.empty()) {
    const size_t part = std::min(values.size(), kMost);
    for (size_t at = 0; at < part; at += kChunk) {
      const size_t count = std::min(kChunk, part - at);
      if (count == kChunk) {
        IndicesOf(values.data() + at, kChunk, inverse, indices);
      } else {
        IndicesOf(values.data() + at, count, inverse, indices);
      }
      size_t i = 0;
      for (; i + 1 < count; i += 2) {
        ++counts_[static_cast<size_t>(indices[i])];
        ++odd[static_cast<size_t>(indices[i + 1])];
      }
      if (i < count) ++counts_[static_cast<size_t>(indices[i])];
    }
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += odd[i];
    odd.fill(0);
    values = values.subspan(part);
  }
}

void Histogram::Merge(const Histogram& other) {
  if (other.empty()) return;
  WidenTo(other.exponent_);
  const int shift = exponent_ - other.exponent_;
  for (int64_t bin = -kHalf; bin < kHalf; ++bin) {
    counts_[static_cast<size_t>((bin >> shift) + kHalf)] += other.at(bin);
  }
}

void Histogram::WidenTo(int exponent) {
  if (counts_.empty()) {
    counts_.resize(static_cast<size_t>(kBins));
    exponent_ = exponent;
    return;
  }
  if (exponent <= exponent_) return;
  // Beyond the number of bits all lie in the two bins beside zero.
  const int shift = std::min(exponent - exponent_, kHalfBits + 1);
  std::vector<uint64_t> wider(counts_.size());
  for (int64_t bin = -kHalf; bin < kHalf; ++bin) wider[static_cast<size_t>((bin >> shift) + kHalf)] += at(bin);
  counts_ = std::move(wider);
  exponent_ = exponent;
}

uint64_t Histogram::count() const { return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0}); }

double Histogram::width() const { return std::ldexp(1.0, exponent_); }

std::vector<uint64_t> Histogram::Folded() const {
  std::vector<uint64_t> folded;
  if (counts_.empty()) return folded;
  folded.resize(static_cast<size_t>(kHalf));
  for (int64_t bin = 0; bin < kHalf; ++bin) folded[static_cast<size_t>(bin)] = at(bin) + at(-bin - 1);
  while (!folded.empty() && folded.back() == 0) folded.pop_back();
  return folded;
}

Histogram Histogram::From(int exponent, int64_t first, std::span<const uint64_t> counts) {
  Histogram histogram;
  histogram.WidenTo(exponent);
  std::copy(counts.begin(), counts.end(), histogram.counts_.begin() + first + kHalf);
  return histogram;
}

bool Histogram::ValidExponent(int64_t exponent) { return exponent >= kMinExponent && exponent <= kMaxExponent; }

}  // namespace vlaq::numerics
