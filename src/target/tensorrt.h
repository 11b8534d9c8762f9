// The versions of TensorRT and what each takes: the one table of facts about them. What planning may choose, what
// rewriting writes, which rules the check asks, what verification expects and which flags a build gets all come from
// here. Not aware of: graphs, running trtexec. Sources: docs/check.md names them for each rule.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "base/status.h"

namespace vlaq::target {

// What a quantized graph may hold, in the words that run times and versions of TensorRT share.
struct Takes {
  int64_t opset = 17;                   // of ai.onnx, the oldest that graphs are written in
  int64_t newest_opset = 17;            // the newest that it reads
  bool contrib_operators = false;       // ONNX Runtime's com.microsoft domain
  bool dynamic_int8 = false;            // DynamicQuantizeLinear and MatMulInteger
  bool int8_convolutions = false;       // Q/DQ around a convolution's operands makes an integer kernel of it
  bool int8_gemms_with_bias = false;    // Q/DQ around the operands of a product of two axes with a float bias, too
  bool asymmetric_activations = false;  // uint8 with a zero point
  bool float_weights_before_quantize = false;  // a weight is float32 -> Q -> DQ, never an int8 constant
  bool dequantize_tables_first = false;        // int8 constants only in front of a DequantizeLinear
  bool quantize_for_each_reader = false;       // else they share a static activation's Q/DQ pair
  bool int4 = false;
  bool int8_lstm_weights = false;  // an LSTM may read int8 constants through a DequantizeLinear
  bool float16_compute = false;    // float16 graphs run as such; else float16 is for storage
};

struct Version {
  int major = 0, minor = 0, patch = 0;
  bool operator==(const Version&) const = default;
  // Not <=>, whose uses clang 14 takes for null pointers.
  bool operator<(const Version& other) const {
    return std::tie(major, minor, patch) < std::tie(other.major, other.minor, other.patch);
  }
  bool operator>=(const Version& other) const { return !(*this < other); }
  std::string ToString() const;  // "8.6.2"
};
// "8.6", "10.3.0". Errors: kUsage.
Result<Version> ParseVersion(std::string_view text);

// How a precision is asked of trtexec; flags with spaces between.
struct TypeFlags {
  std::string_view precision;  // of a bundle
  std::string_view flags;
};

// Versions that differ in nothing that is known here.
struct TensorRt {
  std::string_view name;          // "8.6"
  Version from, below;            // whose facts these are
  Version shipped;                // the one that boards have
  std::string_view boards;        // "JetPack 6.0"
  std::string_view target;        // what vlaq quantizes for it: "tensorrt-8.6"
  bool importer_is_known = true;  // its ONNX importer was read, so that the rules can be asked about it

  Takes takes;

  // Its ONNX importer.
  int64_t oldest_opset = 9, documented_opset = 20;  // of ai.onnx; what it reads beyond has a rule of its own
  std::string_view element_types = "fhgilcubne";    // that tensors may have: letters of operator_table.cc
  bool int64 = true;                                // else INT64 becomes INT32
  bool local_functions = true;                      // of the model's own
  bool needs_zero_points = false;                   // QuantizeLinear and DequantizeLinear want all three inputs
  bool float32_scales_only = false;

  // Its builder.
  std::span<const TypeFlags> type_flags;
  // What trtexec leaves out of a run by itself and has to be asked for.
  std::string_view run_flags = "";
};

std::span<const TensorRt> TensorRtVersions();
// The row of a version, or null.
const TensorRt* FindTensorRt(const Version& version);

// ---- versions whose importer is known ----

// "8.6, 10.0, ..."
std::string ImporterNames(std::string_view between = ", ");
// "8.6", a patch of it ("8.6.2"), or "10", the newest of them. Errors: kUsage listing the known ones.
Result<const TensorRt*> FindImporter(std::string_view name);

// Which versions a rule speaks of.
using Applies = bool (*)(const TensorRt&);
std::string AppliesText(Applies applies);  // "8.6", "10.x", "all", "8.6 to 10.1"

// Changes the facts of one version for as long as it lives, and of the targets that are made of them: a test sees by it
// that all who ask see one table. `name` is a row's. Not for several threads.
class ScopedOverrideForTest {
 public:
  ScopedOverrideForTest(std::string_view name, void (*change)(TensorRt&));
  ~ScopedOverrideForTest();
  ScopedOverrideForTest(const ScopedOverrideForTest&) = delete;
  ScopedOverrideForTest& operator=(const ScopedOverrideForTest&) = delete;

 private:
  TensorRt before_;
};

}  // namespace vlaq::target
