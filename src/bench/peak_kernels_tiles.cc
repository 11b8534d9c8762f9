// Intel's tiles (AMX): a register of 16 rows of 64 bytes, and an instruction that multiplies two of them. Compiled for
// every x86-64 and run only where the processor has them and the system lets the process use them.
#include "bench/peak_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <numeric>
#endif

namespace vlaq::bench {

#if defined(__x86_64__)
namespace {

constexpr size_t kTileRows = 16, kTileRowBytes = 64, kTileBytes = kTileRows * kTileRowBytes;
constexpr size_t kTileSums = 6;  // of eight registers; two hold what is multiplied

// What the instruction ldtilecfg reads.
struct alignas(64) TileShapes {
  uint8_t palette = 1, start_row = 0;
  std::array<uint8_t, 14> reserved{};
  std::array<uint16_t, 16> row_bytes{};
  std::array<uint8_t, 16> rows{};
};
static_assert(sizeof(TileShapes) == 64);

// The intrinsics do not tell the compiler what memory they read and write.
void EndAllWrites(const void* to) { asm volatile("" : : "r"(to) : "memory"); }

template <typename Operand, typename Sum>
struct TileMemory {
  alignas(64) std::array<Operand, kTileBytes / sizeof(Operand)> ones{};
  alignas(64) std::array<Sum, kTileSums * kTileBytes / sizeof(Sum)> sums{};
  TileShapes shapes;

  explicit TileMemory(Operand one) {
    ones.fill(one);
    for (size_t tile = 0; tile < kTileSums + 2; ++tile) {
      shapes.row_bytes[tile] = kTileRowBytes;
      shapes.rows[tile] = kTileRows;
    }
    EndAllWrites(this);
  }
  // The sums of tile `i`.
  Sum* At(size_t i) { return sums.data() + i * kTileBytes / sizeof(Sum); }
  double All() const {
    EndAllWrites(this);
    return std::accumulate(sums.begin(), sums.end(), 0.0);
  }
};

// Registers are written into the instructions, so the two kernels differ in one line that cannot be an argument.
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define VLAQ_RUN_TILES(memory, rounds, multiply)       \
  _tile_loadconfig(&(memory).shapes);                  \
  _tile_zero(0);                                       \
  _tile_zero(1);                                       \
  _tile_zero(2);                                       \
  _tile_zero(3);                                       \
  _tile_zero(4);                                       \
  _tile_zero(5);                                       \
  _tile_loadd(6, (memory).ones.data(), kTileRowBytes); \
  _tile_loadd(7, (memory).ones.data(), kTileRowBytes); \
  for (int64_t i = 0; i < (rounds); ++i) {             \
    multiply(0, 6, 7);                                 \
    multiply(1, 6, 7);                                 \
    multiply(2, 6, 7);                                 \
    multiply(3, 6, 7);                                 \
    multiply(4, 6, 7);                                 \
    multiply(5, 6, 7);                                 \
  }                                                    \
  _tile_stored(0, (memory).At(0), kTileRowBytes);      \
  _tile_stored(1, (memory).At(1), kTileRowBytes);      \
  _tile_stored(2, (memory).At(2), kTileRowBytes);      \
  _tile_stored(3, (memory).At(3), kTileRowBytes);      \
  _tile_stored(4, (memory).At(4), kTileRowBytes);      \
  _tile_stored(5, (memory).At(5), kTileRowBytes);      \
  _tile_release()

__attribute__((target("amx-tile,amx-int8"))) double TileInt8(int64_t rounds) {
  TileMemory<int8_t, int32_t> memory(1);
  VLAQ_RUN_TILES(memory, rounds, _tile_dpbusd);
  return memory.All();
}

__attribute__((target("amx-tile,amx-bf16"))) double TileBfloat(int64_t rounds) {
  constexpr uint16_t kOne = 0x3F80;
  TileMemory<uint16_t, float> memory(kOne);
  VLAQ_RUN_TILES(memory, rounds, _tile_dpbf16ps);
  return memory.All();
}
#undef VLAQ_RUN_TILES

// Linux gives a process the registers' 8 kB of state only when it asks, and may refuse (a container, signal stacks that
// are too small).
bool TilesPermitted() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

std::vector<PeakKernel> TileKernels() {
  // CPUID leaf 7, EDX. The compilers' names for these say nothing of the system's permission, or are not there.
  constexpr unsigned kBfloat = 22, kTile = 24, kInt8 = 25;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || ((d >> kTile) & 1U) == 0 || !TilesPermitted()) return {};
  std::vector<PeakKernel> kernels;
  constexpr double kProducts = kTileSums * kTileRows * kTileRows;  // of a row with a column
  if (((d >> kInt8) & 1U) != 0) kernels.push_back({"amx_int8", "int8", kProducts * 64, TileInt8});
  if (((d >> kBfloat) & 1U) != 0) kernels.push_back({"amx_bf16", "bfloat16", kProducts * 32, TileBfloat});
  return kernels;
}
#else
std::vector<PeakKernel> TileKernels() { return {}; }
#endif

}  // namespace vlaq::bench
