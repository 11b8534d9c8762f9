// From a checkpoint's tensors to the bytes of the shared weights file, as data: which initializer is made from which
// tensors by which named transformation, and where it lies. Export carries the recipes out; verify carries them out
// again and compares. Not aware of: files other than the checkpoint, model families.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "checkpoint/checkpoint.h"
#include "tensor/tensor.h"

namespace vlaq::families {

// A named way from tensors of a checkpoint to one initializer. A family may have ways of its own.
struct Transform {
  std::string_view name;
  // Shape of the result; nullopt if so many sources of one shape do not fit. Null for what is made from no tensor.
  std::optional<Shape> (*shape)(const Shape& source, size_t sources) = nullptr;
  // Fills `out`, dense, of `stored` shape and the sources' type (float32 if there are none).
  void (*apply)(const std::vector<Tensor>& sources, const Shape& stored, MutableBytes out) = nullptr;
};
extern const Transform kCopy;       // the tensor as it is
extern const Transform kTranspose;  // [out, in] of a torch Linear -> [in, out] of an ONNX MatMul

// Number formats for weights.
enum class StoredPrecision {
  kFp32,          // everything widened to float32, exactly
  kFp16,          // matrices rounded to float16 (nearest even); vectors float32
  kBf16AsStored,  // bfloat16 tensors stay, all else as kFp32
};
std::string_view StoredPrecisionName(StoredPrecision precision);
std::optional<StoredPrecision> FindStoredPrecision(std::string_view name);

struct WeightRecipe {
  std::string name;  // of the initializer
  const Transform* transform = &kCopy;
  std::vector<std::string> sources;  // tensor names in the checkpoint; empty: computed from nothing
  DType dtype = DType::kF32;         // as stored
  Shape shape;                       // as stored
};

struct PlacedWeight {
  WeightRecipe recipe;
  uint64_t offset = 0;  // in the weights file, a multiple of kWeightAlignment
  uint64_t length = 0;  // bytes
};
inline constexpr uint64_t kWeightAlignment = 64;
// The one external-data file that the graphs of a bundle share.
inline constexpr std::string_view kWeightsFile = "weights.bin";

// Gives each weight a place in the shared file, in the order of first use.
class WeightTable {
 public:
  // `names` maps canonical names to names in `checkpoint`; both must outlive the table.
  WeightTable(const checkpoint::Checkpoint& checkpoint, const std::map<std::string, std::string>& names,
              StoredPrecision precision)
      : checkpoint_(checkpoint), names_(names), precision_(precision) {}

  // The weight made from the tensors with the canonical names `sources`; the same object for the same name. Errors:
  // kInternal if a source is unknown or one name is asked for with two recipes.
  Result<const PlacedWeight*> Place(const std::string& name, const Transform& transform,
                                    const std::vector<std::string>& sources);
  // A table of float32 that `transform` computes from nothing.
  Result<const PlacedWeight*> PlaceComputed(const std::string& name, const Transform& transform, const Shape& shape);

  // In file order. Pointers given out stay valid as long as the table.
  const std::deque<PlacedWeight>& placed() const { return placed_; }
  uint64_t file_bytes() const { return end_; }

 private:
  Result<const PlacedWeight*> Insert(WeightRecipe recipe);

  const checkpoint::Checkpoint& checkpoint_;
  const std::map<std::string, std::string>& names_;
  StoredPrecision precision_;
  std::deque<PlacedWeight> placed_;
  std::map<std::string, const PlacedWeight*> by_name_;
  uint64_t end_ = 0;
};

// Carries a recipe out and hands its bytes, in order and in pieces, to `sink`. Needs memory for the largest transformed
// tensor, not for copies; mapped pages that were read are given back. Errors: kInput naming the tensor, the first
// element and the count if values are NaN or infinite, or if a finite one becomes infinite in float16; any error of
// `sink`.
Status StreamWeight(const WeightRecipe& recipe, const checkpoint::Checkpoint& checkpoint,
                    const std::function<Status(Bytes)>& sink);

}  // namespace vlaq::families
