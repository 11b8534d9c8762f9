#include "target/tensorrt.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <vector>

#include "target/target.h"

namespace vlaq::target {
namespace {

// After trtexec's samples/common/sampleOptions.cpp of 8.6.1, 10.3.0 and 11.1. A graph whose types are written in it is
// best obeyed to the letter where that exists; with --fp16 the builder may also take float16 where the graph says
// float32.
constexpr std::array kFlags86 = {TypeFlags{"fp16", "--fp16"}, TypeFlags{"int8", "--int8 --fp16"},
                                 TypeFlags{"mixed", "--int8 --fp16"}};
// With int8, what is not quantized is float32 in the graph and may be float16 in the engine. Weights of 4 bits are
// widened to the type that the graph says.
constexpr std::array kFlags10 = {TypeFlags{"fp16", "--stronglyTyped"}, TypeFlags{"int8", "--int8 --fp16"},
                                 TypeFlags{"mixed", "--stronglyTyped"}, TypeFlags{"int4", "--stronglyTyped"}};
// The types of the graph are all there is.
constexpr std::array kFlags11 = {TypeFlags{"fp16", ""}, TypeFlags{"int8", ""}, TypeFlags{"mixed", ""},
                                 TypeFlags{"int4", ""}};

std::vector<TensorRt> MakeTable() {
  const TensorRt old{.name = "8.6",
                     .from = {8, 6, 0},
                     .below = {9, 0, 0},
                     .shipped = {8, 6, 2},
                     .boards = "JetPack 6.0",
                     .target = "tensorrt-8.6",
                     .takes = {.int8_convolutions = true,
                               .int8_gemms_with_bias = true,
                               .float_weights_before_quantize = true,
                               .dequantize_tables_first = true,
                               .float16_compute = true},
                     .oldest_opset = 7,
                     .documented_opset = 17,
                     .element_types = "fhilcub",
                     .int64 = false,
                     .local_functions = false,
                     .needs_zero_points = true,
                     .float32_scales_only = true,
                     .type_flags = kFlags86};
  TensorRt ten{.name = "10.0",
               .from = {10, 0, 0},
               .below = {10, 1, 0},
               .shipped = {10, 0, 1},
               .boards = "desktop",
               .target = "tensorrt-10",
               .takes = {.newest_opset = 21,
                         .int8_convolutions = true,
                         .int8_gemms_with_bias = true,
                         .dequantize_tables_first = true,
                         .int4 = true,
                         .int8_lstm_weights = true,
                         .float16_compute = true},
               .type_flags = kFlags10};
  TensorRt nine = ten;  // what came between is built with the flags of 10, and its importer was not read
  nine.name = "9";
  nine.from = {9, 0, 0};
  nine.below = ten.from;
  nine.boards = "";
  nine.importer_is_known = false;
  TensorRt ten1 = ten;
  ten1.name = "10.1";
  ten1.from = ten.below;
  ten1.below = {10, 3, 0};
  ten1.shipped = {10, 1, 0};
  TensorRt ten3 = ten;  // taken to do what 10.1 does, except where NVIDIA says otherwise
  ten3.name = "10.3";
  ten3.from = ten1.below;
  ten3.below = {11, 0, 0};
  ten3.shipped = {10, 3, 0};
  ten3.boards = "JetPack 6.1 and 6.2";
  TensorRt eleven = ten3;
  eleven.name = "11";
  eleven.from = ten3.below;
  eleven.below = {12, 0, 0};
  eleven.shipped = {11, 1, 0};
  eleven.boards = "";
  eleven.importer_is_known = false;
  eleven.type_flags = kFlags11;
  // It copies nothing, spins while it waits, and replays a captured graph of kernels.
  eleven.run_flags = "--includeDataTransfers --noSpinWait --noCudaGraph";
  return {old, nine, ten, ten1, ten3, eleven};
}

std::vector<TensorRt>& Versions() {
  static std::vector<TensorRt> table = MakeTable();
  return table;
}

std::vector<const TensorRt*> Importers() {
  std::vector<const TensorRt*> known;
  for (const TensorRt& row : Versions()) {
    if (row.importer_is_known) known.push_back(&row);
  }
  return known;
}

bool IsPatchOf(std::string_view name, std::string_view version) {
  if (!name.starts_with(version)) return false;
  const std::string_view rest = name.substr(version.size());
  return rest.empty() ||
         (rest.front() == '.' && rest.size() > 1 && std::all_of(rest.begin() + 1, rest.end(), [](char c) {
            return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.';
          }));
}

TensorRt& RowNamed(std::string_view name) { return *std::ranges::find(Versions(), name, &TensorRt::name); }

}  // namespace

std::string Version::ToString() const { return fmt::format("{}.{}.{}", major, minor, patch); }

Result<Version> ParseVersion(std::string_view text) {
  std::array<int, 3> parts{};
  const char* at = text.data();
  const char* end = at + text.size();
  size_t count = 0;
  for (int& part : parts) {
    const auto [next, error] = std::from_chars(at, end, part);
    if (error != std::errc() || part < 0) break;
    ++count;
    at = next;
    if (at == end || *at != '.') break;
    ++at;
  }
  if (count >= 2 && at == end) return Version{parts[0], parts[1], parts[2]};
  return UsageError(fmt::format("'{}' is no version of TensorRT", text), "give it as 8.6 or 10.3");
}

std::span<const TensorRt> TensorRtVersions() { return Versions(); }

const TensorRt* FindTensorRt(const Version& version) {
  const auto found =
      std::ranges::find_if(Versions(), [&](const TensorRt& row) { return version >= row.from && version < row.below; });
  return found == Versions().end() ? nullptr : &*found;
}

std::string ImporterNames(std::string_view between) {
  std::string names;
  for (const TensorRt* row : Importers()) names += fmt::format("{}{}", names.empty() ? "" : between, row->name);
  return names;
}

Result<const TensorRt*> FindImporter(std::string_view name) {
  const std::vector<const TensorRt*> known = Importers();
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const TensorRt* row) { return IsPatchOf(name, row->name); });
  if (found != known.end()) return *found;
  // "10", as targets are called: the newest of it.
  const std::string major = fmt::format("{}.", name);
  const auto newest =
      std::find_if(known.rbegin(), known.rend(), [&](const TensorRt* row) { return row->name.starts_with(major); });
  if (newest != known.rend()) return *newest;
  return UsageError(fmt::format("the rules of TensorRT {} are not known", name), "known are " + ImporterNames());
}

std::string AppliesText(Applies applies) {
  const std::vector<const TensorRt*> known = Importers();
  std::string_view first, last;
  for (const TensorRt* row : known) {
    if (!applies(*row)) continue;
    if (first.empty()) first = row->name;
    last = row->name;
  }
  if (first == known.front()->name && last == known.back()->name) return "all";
  if (first == last) return std::string(first);
  if (last == known.back()->name) return first == "10.0" ? "10.x" : std::string(first) + " on";
  return std::string(first) + " to " + std::string(last);
}

ScopedOverrideForTest::ScopedOverrideForTest(std::string_view name, void (*change)(TensorRt&))
    : before_(RowNamed(name)) {
  change(RowNamed(name));
  TakeFactsOfVersions();
}

ScopedOverrideForTest::~ScopedOverrideForTest() {
  RowNamed(before_.name) = before_;
  TakeFactsOfVersions();
}

}  // namespace vlaq::target
