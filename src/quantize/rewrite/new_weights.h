// The weights of the new bundle as recipes: which bytes are made from which initializers of the source bundle. The
// three graphs of a bundle share one table, so what several of them use is made and stored once.
//
// In scope: names, types and shapes of what will be stored. Not aware of: files, offsets, the making itself (quantizing
// does that). Not synchronized.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "onnx/graph.h"
#include "quantize/numerics/plan.h"

namespace vlaq::rewrite {

// The initializers of the source bundle by name; those of one name are the same weight in all its graphs.
using Sources = std::map<std::string, const onnx::Initializer*, std::less<>>;

// What of a source weight is stored.
enum class Part {
  kValues,       // float32 as in the source, or as smoothing and bias correction changed it
  kHalf,         // the same rounded to float16
  kCodes,        // int8 codes, the source's shape
  kScales,       // float32 scales (numerics::Encoded::scales)
  kRowScales,    // scales of axis 0 as [rows, 1, ...], to be gathered like the rows themselves
  kPackedInt4,   // int4 codes, two a byte, the source's shape
  kNBitsValues,  // MatMulNBits' layout
  kNBitsScales,
  // int8 codes [1, n, m] of a source [1, m, n], as DynamicQuantizeLSTM takes them; [n, m] of [m, n] for a Gemm whose
  // weight stands transposed
  kTransposedCodes,
  kDirectionScales,  // scales [1, m] of such a source
};
// What is behind the source's name in the names of parts.
inline constexpr std::array<std::string_view, 3> kPartSuffixes{"/float16", "/codes", "/scale"};
// As it stands in weights.json: "int8_codes".
std::string_view PartName(Part part);

struct NewWeight {
  std::string name;
  Part part = Part::kValues;
  DType dtype = DType::kF32;
  Shape shape;
};

// Everything made from one initializer of the source bundle with one choice of format.
struct WeightJob {
  std::string source;
  std::optional<numerics::WeightChoice> choice;  // of codes and scales
  std::vector<NewWeight> outputs;
};

class NewWeights {
 public:
  // `source`: an initializer of the source bundle. Returns the name to use in graphs; asking twice gives the same.
  // Errors: kInput if one weight is asked for in two formats (its `choice` differs).
  Result<std::string> Place(const onnx::Initializer& source, Part part,
                            const std::optional<numerics::WeightChoice>& choice = std::nullopt);

  // In the order of first use.
  const std::deque<WeightJob>& jobs() const { return jobs_; }
  const NewWeight* Find(std::string_view name) const;
  // The source initializer and part behind a placed name.
  struct Origin {
    const WeightJob* job = nullptr;
    const NewWeight* weight = nullptr;
  };
  std::optional<Origin> OriginOf(std::string_view name) const;
  // Drops what is not in `used`.
  void Keep(const std::map<std::string, bool, std::less<>>& used);

 private:
  std::deque<WeightJob> jobs_;
  std::map<std::string, size_t, std::less<>> by_source_;
};

}  // namespace vlaq::rewrite
