// Shape rules of operators that multiply matrices, slide windows or walk along time.
#include <algorithm>
#include <array>
#include <map>

#include "onnx/shape_rules.h"

namespace vlaq::onnx {
namespace {

constexpr int64_t kLargestStride = int64_t{1} << 20U;

// ---- matrices ----

// [..., M, K] and [..., K, N]; operands of one axis are a row and a column.
void SetProduct(NodeFacts& facts, const Shape& left, const Shape& right) {
  if (left.empty() || right.empty()) return facts.Refuse("multiplies a scalar as a matrix");
  const int64_t inner = left.back();
  const int64_t other = right.size() == 1 ? right[0] : right[right.size() - 2];
  if (inner >= 0 && other >= 0 && inner != other) {
    return facts.Refuse("cannot multiply " + ShapeText(left) + " and " + ShapeText(right));
  }
  const auto leading = [](const Shape& shape) {
    return shape.size() <= 2 ? Shape{} : Shape(shape.begin(), shape.end() - 2);
  };
  auto shape = Broadcast(leading(left), leading(right));
  if (!shape) return facts.Refuse("cannot multiply " + ShapeText(left) + " and " + ShapeText(right));
  if (left.size() > 1) shape->push_back(left[left.size() - 2]);
  if (right.size() > 1) shape->push_back(right.back());
  facts.Set(0, *std::move(shape));
}

Shape TransposedIf(Shape shape, bool transposes) {
  if (transposes && shape.size() >= 2) std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  return shape;
}

void MatMulShapes(NodeFacts& facts) {
  const Shape* left = facts.ShapeOf(0);
  const Shape* right = facts.ShapeOf(1);
  if (left == nullptr || right == nullptr || facts.node().Int("transBatchA", 0) != 0) return;
  SetProduct(facts, TransposedIf(*left, facts.node().Int("transA", 0) != 0),
             TransposedIf(*right, facts.node().Int("transB", 0) != 0));
}

// a, its scale and zero point, then b.
void QuantizedMatMulShapes(NodeFacts& facts) {
  const Shape* left = facts.ShapeOf(0);
  const Shape* right = facts.ShapeOf(3);
  if (left == nullptr || right == nullptr) return;
  SetProduct(facts, TransposedIf(*left, facts.node().Int("transA", 0) != 0),
             TransposedIf(*right, facts.node().Int("transB", 0) != 0));
}

// The packed weight stands for a [K, N].
void BlockMatMulShapes(NodeFacts& facts) {
  if (const Shape* left = facts.ShapeOf(0)) SetProduct(facts, *left, {facts.Number("K", 0), facts.Number("N", 0)});
}

}  // namespace

std::optional<std::vector<std::string>> EinsumTerms(std::string equation) {
  std::erase(equation, ' ');
  std::vector<std::string> terms(1);
  bool result = false;
  for (size_t i = 0; i < equation.size(); ++i) {
    const char c = equation[i];
    if (equation.compare(i, 2, "->") == 0) {
      result = true;
      ++i;
      terms.emplace_back();
    } else if (c == ',' && !result) {
      terms.emplace_back();
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      terms.back() += c;
    } else {
      return std::nullopt;
    }
  }
  if (!result) {  // letters that stand once, sorted
    std::map<char, int> counts;
    for (const std::string& term : terms) {
      for (const char c : term) ++counts[c];
    }
    std::string once;
    for (const auto& [letter, count] : counts) {
      if (count == 1) once += letter;
    }
    terms.push_back(once);
  }
  return terms;
}

namespace {

void EinsumShapes(NodeFacts& facts) {
  const auto terms = EinsumTerms(facts.node().String("equation", ""));
  if (!terms || terms->size() != facts.inputs() + 1) return;
  std::map<char, int64_t> extents;
  for (size_t i = 0; i < facts.inputs(); ++i) {
    const Shape* shape = facts.ShapeOf(i);
    if (shape == nullptr) return;
    const std::string& letters = (*terms)[i];
    if (letters.size() != shape->size()) return facts.Refuse("'" + letters + "' for " + ShapeText(*shape));
    for (size_t k = 0; k < letters.size(); ++k) {
      int64_t& extent = extents.try_emplace(letters[k], kUnknownExtent).first->second;
      extent = std::max(extent, (*shape)[k]);
    }
  }
  Shape shape;
  for (const char letter : terms->back()) {
    const auto found = extents.find(letter);
    if (found == extents.end()) return facts.Refuse("its result has a letter that no operand has");
    shape.push_back(found->second);
  }
  facts.Set(0, std::move(shape));
}

// ---- windows ----

struct Window {
  int64_t kernel = 1, stride = 1, dilation = 1, begin = 0, end = 0, extra = 0;
};

// One for each spatial axis; empty after a refusal.
std::vector<Window> WindowsOf(NodeFacts& facts, const Shape& kernel) {
  std::vector<Window> windows(kernel.size());
  const std::vector<int64_t> strides = facts.Numbers("strides");
  const std::vector<int64_t> dilations = facts.Numbers("dilations");
  const std::vector<int64_t> pads = facts.Numbers("pads");
  const std::vector<int64_t> extra = facts.Numbers("output_padding");
  const auto wrong = [&](const auto& list, size_t size) { return !list.empty() && list.size() != size; };
  if (wrong(strides, kernel.size()) || wrong(dilations, kernel.size()) || wrong(pads, 2 * kernel.size()) ||
      wrong(extra, kernel.size())) {
    facts.Refuse("its strides, dilations or pads are not one for each of " + std::to_string(kernel.size()) + " axes");
    return {};
  }
  for (size_t i = 0; i < windows.size(); ++i) {
    Window& window = windows[i];
    window.kernel = kernel[i];
    if (!strides.empty()) window.stride = strides[i];
    if (!dilations.empty()) window.dilation = dilations[i];
    if (!pads.empty()) {
      window.begin = pads[i];
      window.end = pads[i + windows.size()];
    }
    if (!extra.empty()) window.extra = extra[i];
    if (window.stride < 1 || window.stride > kLargestStride || window.dilation < 1 ||
        window.dilation > kLargestStride) {
      facts.Refuse("its strides or dilations are not from 1 to " + std::to_string(kLargestStride));
      return {};
    }
    if (window.kernel == 0 || window.kernel > kLargestNumber) {
      facts.Refuse("its kernel is empty or too large");
      return {};
    }
  }
  return windows;
}

int64_t Slid(NodeFacts& facts, int64_t extent, const Window& window) {
  const std::string padding = facts.node().String("auto_pad", "NOTSET");
  if (extent < 0 || window.kernel < 0) return kUnknownExtent;
  if (padding == "SAME_UPPER" || padding == "SAME_LOWER") return (extent + window.stride - 1) / window.stride;
  const bool pads = padding == "NOTSET" || padding.empty();
  const int64_t begin = pads ? window.begin : 0;
  const int64_t room = extent + begin + (pads ? window.end : 0) - ((window.kernel - 1) * window.dilation + 1);
  if (room < 0) {
    facts.Refuse("its window is larger than the padded input");
    return kUnknownExtent;
  }
  const int64_t count = room / window.stride + 1;
  const bool rounds_up = facts.node().Int("ceil_mode", 0) != 0 && room % window.stride != 0;
  // A window that would start beyond the input is left out.
  return rounds_up && count * window.stride < extent + begin ? count + 1 : count;
}

int64_t Spread(NodeFacts& facts, int64_t extent, const Window& window) {
  if (extent < 0 || window.kernel < 0) return kUnknownExtent;
  const std::string padding = facts.node().String("auto_pad", "NOTSET");
  if (padding == "SAME_UPPER" || padding == "SAME_LOWER") return ProductOf(extent, window.stride);
  const int64_t size = ProductOf(window.stride, extent - 1);
  if (extent == 0 || size < 0) return kUnknownExtent;
  const int64_t pads = padding == "VALID" ? 0 : window.begin + window.end;
  const int64_t all = size + window.extra + (window.kernel - 1) * window.dilation + 1 - pads;
  if (all < 0) facts.Refuse("its pads cut off more than there is");
  return std::max(all, kUnknownExtent);
}

Shape SpatialExtents(const Shape& shape) { return shape.size() < 2 ? Shape{} : Shape(shape.begin() + 2, shape.end()); }

// X [N, C, ...] and W [M, C / groups, ...] at two inputs.
void SetConvolved(NodeFacts& facts, size_t x_at, size_t w_at) {
  const Shape* x = facts.ShapeOf(x_at);
  const Shape* w = facts.ShapeOf(w_at);
  if (x == nullptr || w == nullptr) return;
  if (x->size() < 3 || w->size() != x->size()) return facts.Refuse("its data and weight have other ranks than 3 on");
  const int64_t groups = facts.Number("group", 1);
  const int64_t channels = ProductOf((*w)[1], groups);
  if (groups < 1 || ((*x)[1] >= 0 && channels >= 0 && channels != (*x)[1])) {
    return facts.Refuse("its weight " + ShapeText(*w) + " does not fit data " + ShapeText(*x));
  }
  const std::vector<Window> windows = WindowsOf(facts, SpatialExtents(*w));
  Shape shape{(*x)[0], (*w)[0]};
  for (size_t i = 0; i < windows.size(); ++i) shape.push_back(Slid(facts, (*x)[i + 2], windows[i]));
  if (shape.size() == x->size()) facts.Set(0, std::move(shape));
}
void ConvShapes(NodeFacts& facts) { SetConvolved(facts, 0, 1); }
void QuantizedConvShapes(NodeFacts& facts) { SetConvolved(facts, 0, 3); }

// X [N, C, ...] and W [C, M / groups, ...].
void ConvTransposeShapes(NodeFacts& facts) {
  const Shape* x = facts.ShapeOf(0);
  const Shape* w = facts.ShapeOf(1);
  if (x == nullptr || w == nullptr) return;
  if (x->size() < 3 || w->size() != x->size()) return facts.Refuse("its data and weight have other ranks than 3 on");
  if ((*x)[1] >= 0 && (*w)[0] >= 0 && (*x)[1] != (*w)[0]) {
    return facts.Refuse("its weight " + ShapeText(*w) + " does not fit data " + ShapeText(*x));
  }
  const std::vector<Window> windows = WindowsOf(facts, SpatialExtents(*w));
  const std::vector<int64_t> given = facts.Numbers("output_shape");
  Shape shape{(*x)[0], ProductOf((*w)[1], facts.Number("group", 1))};
  for (size_t i = 0; i < windows.size(); ++i) {
    const size_t skipped = given.size() - std::min(given.size(), windows.size());
    shape.push_back(given.size() >= windows.size() ? std::max(given[skipped + i], kUnknownExtent)
                                                   : Spread(facts, (*x)[i + 2], windows[i]));
  }
  if (shape.size() == x->size()) facts.Set(0, std::move(shape));
}

void PoolShapes(NodeFacts& facts) {
  const Shape* x = facts.ShapeOf(0);
  if (x == nullptr) return;
  const std::vector<int64_t> kernel = facts.Numbers("kernel_shape");
  if (std::ranges::any_of(kernel, [](int64_t k) { return k < 1; }) || kernel.empty()) {
    return facts.Refuse("its kernel_shape is not positive");
  }
  if (x->size() != kernel.size() + 2) return facts.Refuse("its kernel_shape does not fit data " + ShapeText(*x));
  const std::vector<Window> windows = WindowsOf(facts, kernel);
  Shape shape{(*x)[0], (*x)[1]};
  for (size_t i = 0; i < windows.size(); ++i) shape.push_back(Slid(facts, (*x)[i + 2], windows[i]));
  if (shape.size() != x->size()) return;
  facts.Set(0, shape);
  if (facts.node().op_type == "MaxPool") facts.Set(1, std::move(shape));
}

void GlobalPoolShapes(NodeFacts& facts) {
  const Shape* x = facts.ShapeOf(0);
  if (x == nullptr) return;
  Shape shape = *x;
  for (size_t i = 2; i < shape.size(); ++i) shape[i] = 1;
  facts.Set(0, std::move(shape));
}

// ---- time ----

// X [T, B, I]; batch first with layout 1.
void RecurrentShapes(NodeFacts& facts) {
  const Shape* x = facts.ShapeOf(0);
  const Shape* state = facts.ShapeOf(2);
  if (x == nullptr) return;
  if (x->size() != 3) return facts.Refuse("its data has not 3 axes");
  int64_t hidden = facts.Number("hidden_size", kUnknownExtent);
  if (hidden < 0 && state != nullptr && state->size() == 3 && facts.node().domain.empty()) hidden = state->back();
  hidden = std::max(hidden, kUnknownExtent);
  const int64_t directions = facts.node().String("direction", "forward") == "bidirectional" ? 2 : 1;
  const bool batch_first = facts.node().Int("layout", 0) != 0;
  if (batch_first) {
    facts.Set(0, {(*x)[0], (*x)[1], directions, hidden});
    for (size_t i = 1; i < 3; ++i) facts.Set(i, {(*x)[0], directions, hidden});
  } else {
    facts.Set(0, {(*x)[0], directions, (*x)[1], hidden});
    for (size_t i = 1; i < 3; ++i) facts.Set(i, {directions, (*x)[1], hidden});
  }
}

// ---- attention ----

// ai.onnx has Q, K, V of 4 axes (heads second), or of 3; ONNX Runtime X and the weight of all three projections.
void AttentionShapes(NodeFacts& facts) {
  const Shape* first = facts.ShapeOf(0);
  const Shape* second = facts.ShapeOf(1);
  const Shape* third = facts.ShapeOf(2);
  if (first == nullptr || second == nullptr) return;
  if (!facts.node().domain.empty()) {
    if (first->size() != 3 || second->size() != 2) return;
    const bool own = facts.node().attributes.contains("qkv_hidden_sizes");
    const int64_t width = (*second)[1];
    facts.Set(0, {(*first)[0], (*first)[1], own || width < 0 ? kUnknownExtent : width / 3});
    return;
  }
  if (third == nullptr || first->size() != third->size()) return;
  Shape shape = *first;
  if (shape.size() == 4) {
    shape[3] = (*third)[3];
  } else if (shape.size() == 3) {
    const int64_t heads = facts.Number("q_num_heads", 1);
    const int64_t groups = facts.Number("kv_num_heads", 1);
    const int64_t width = (*third)[2];
    shape[2] = heads < 1 || groups < 1 || width < 0 ? kUnknownExtent : ProductOf(width / groups, heads);
  }
  facts.Set(0, std::move(shape));
}

void HeadsShapes(NodeFacts& facts) {
  const Shape* query = facts.ShapeOf(0);
  const Shape* value = facts.ShapeOf(2);
  if (query == nullptr || query->size() != 3) return;
  Shape shape = *query;
  if (value != nullptr && value->size() == 3) shape[2] = value->back();
  facts.Set(0, std::move(shape));
}

constexpr std::array kProductShapes = {
    ShapeRow{"Attention", AttentionShapes},
    ShapeRow{"AveragePool", PoolShapes},
    ShapeRow{"Conv", ConvShapes},
    ShapeRow{"ConvInteger", ConvShapes},
    ShapeRow{"ConvTranspose", ConvTransposeShapes},
    ShapeRow{"DeformConv", ConvShapes},
    ShapeRow{"DynamicQuantizeLSTM", RecurrentShapes},
    ShapeRow{"DynamicQuantizeMatMul", MatMulShapes},
    ShapeRow{"Einsum", EinsumShapes},
    ShapeRow{"FusedConv", ConvShapes},
    ShapeRow{"FusedGemm", MatMulShapes},
    ShapeRow{"FusedMatMul", MatMulShapes},
    ShapeRow{"GRU", RecurrentShapes},
    ShapeRow{"Gemm", MatMulShapes},
    ShapeRow{"GlobalAveragePool", GlobalPoolShapes},
    ShapeRow{"GlobalLpPool", GlobalPoolShapes},
    ShapeRow{"GlobalMaxPool", GlobalPoolShapes},
    ShapeRow{"LSTM", RecurrentShapes},
    ShapeRow{"LpPool", PoolShapes},
    ShapeRow{"MatMul", MatMulShapes},
    ShapeRow{"MatMulInteger", MatMulShapes},
    ShapeRow{"MatMulIntegerToFloat", MatMulShapes},
    ShapeRow{"MatMulNBits", BlockMatMulShapes},
    ShapeRow{"MaxPool", PoolShapes},
    ShapeRow{"MultiHeadAttention", HeadsShapes},
    ShapeRow{"QGemm", QuantizedMatMulShapes},
    ShapeRow{"QLinearConv", QuantizedConvShapes},
    ShapeRow{"QLinearMatMul", QuantizedMatMulShapes},
    ShapeRow{"RNN", RecurrentShapes},
};

}  // namespace

std::span<const ShapeRow> ProductShapes() { return kProductShapes; }

}  // namespace vlaq::onnx
