// Shape rules of operators that move elements without computing: reshaping, cutting, joining, repeating, picking.
#include <algorithm>
#include <array>
#include <numeric>

#include "onnx/shape_rules.h"

namespace vlaq::onnx {
namespace {

using Integers = std::vector<int64_t>;

int64_t FlatPlace(const Shape& at, const Shape& shape) {
  int64_t place = 0;
  for (size_t i = 0; i < shape.size(); ++i) place = place * shape[i] + at[i];
  return place;
}

// The same elements in the same order under other extents.
void SetReshaped(NodeFacts& facts, Shape shape) {
  const std::vector<double>* values = facts.ValuesOf(0);
  facts.Set(0, std::move(shape), values != nullptr ? std::optional(*values) : std::nullopt);
}

// Axes, sorted and each once; nullopt after a refusal.
std::optional<std::vector<size_t>> SortedAxes(NodeFacts& facts, const Integers& axes, size_t rank) {
  std::vector<size_t> sorted;
  for (const int64_t axis : axes) {
    const auto found = AxisOf(axis, rank);
    if (!found) {
      facts.Refuse("axis " + std::to_string(axis) + " of " + std::to_string(rank));
      return std::nullopt;
    }
    sorted.push_back(*found);
  }
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) == sorted.end()) return sorted;
  facts.Refuse("names an axis twice");
  return std::nullopt;
}

// ---- other extents for the same elements ----

void ReshapeShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  const std::vector<double>* wanted = facts.ValuesOf(1);
  std::vector<double> attribute;
  if (facts.opset() < 5 && facts.inputs() < 2) {
    for (const int64_t extent : facts.Numbers("shape")) attribute.push_back(static_cast<double>(extent));
    wanted = &attribute;
  }
  if (wanted == nullptr) {
    const Shape* list = facts.ShapeOf(1);
    const bool ranked = list != nullptr && list->size() == 1 && list->front() >= 0 && list->front() <= kMaxKnownValues;
    if (ranked) facts.Set(0, Shape(static_cast<size_t>(list->front()), kUnknownExtent));
    return;
  }
  const bool zero_copies = facts.node().Int("allowzero", 0) == 0;
  Shape shape;
  std::optional<size_t> rest;  // the -1
  for (size_t i = 0; i < wanted->size(); ++i) {
    const double value = (*wanted)[i];
    const int64_t extent = std::isnan(value) ? kUnknownExtent : AsInteger(value);
    if (!std::isnan(value) && (extent < -1 || extent > kLargestExtent)) return facts.Refuse("an impossible shape");
    if (!std::isnan(value) && extent == -1) {
      if (rest) return facts.Refuse("two extents of its shape are -1");
      rest = i;
    }
    const bool copies = !std::isnan(value) && extent == 0 && zero_copies;
    if (copies && data != nullptr && i >= data->size()) return facts.Refuse("copies an axis that its data lacks");
    shape.push_back(!copies ? extent : data != nullptr ? (*data)[i] : kUnknownExtent);
  }
  std::optional<int64_t> count;
  if (data != nullptr && AllKnown(*data)) count = ElementCount(*data);
  Shape others = shape;
  if (rest) others[*rest] = 1;
  std::optional<int64_t> other;
  if (AllKnown(others)) other = ElementCount(others);
  if (count && other) {
    const bool fits = rest ? *other > 0 && *count % *other == 0 : *count == *other;
    if (!fits && !(rest && *count == 0)) {
      return facts.Refuse(ShapeText(*data) + " cannot become " + ShapeText(shape));
    }
    if (rest) shape[*rest] = *other > 0 ? *count / *other : 0;
  }
  SetReshaped(facts, std::move(shape));
}

void FlattenShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  if (data == nullptr) return;
  const int64_t given = facts.Number("axis", 1);
  const auto axis = given == static_cast<int64_t>(data->size()) ? data->size() : AxisOf(given, data->size());
  if (!axis) return facts.Refuse("axis " + std::to_string(given));
  Shape shape{1, 1};
  for (size_t i = 0; i < data->size(); ++i) {
    int64_t& extent = shape[i < *axis ? 0 : 1];
    extent = ProductOf(extent, (*data)[i]);
  }
  SetReshaped(facts, std::move(shape));
}

void SqueezeShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  const auto axes = facts.AttributeOrInput("axes", 1);
  if (data == nullptr || !axes) return;
  const bool all = !facts.Given(1) && !facts.node().attributes.contains("axes");
  if (all && !AllKnown(*data)) return;
  const auto dropped = SortedAxes(facts, *axes, data->size());
  if (!dropped) return;
  Shape shape;
  for (size_t i = 0; i < data->size(); ++i) {
    const int64_t extent = (*data)[i];
    const bool drops = all ? extent == 1 : std::ranges::binary_search(*dropped, i);
    if (drops && extent > 1) return facts.Refuse("squeezes axis " + std::to_string(i) + " of " + ShapeText(*data));
    if (!drops) shape.push_back(extent);
  }
  SetReshaped(facts, std::move(shape));
}

void UnsqueezeShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  const auto axes = facts.AttributeOrInput("axes", 1);
  if (data == nullptr || !axes || axes->size() > kMaxKnownValues) return;
  const auto added = SortedAxes(facts, *axes, data->size() + axes->size());
  if (!added) return;
  Shape shape = *data;
  for (const size_t axis : *added) shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  SetReshaped(facts, std::move(shape));
}

void TransposeShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  if (data == nullptr) return;
  std::vector<size_t> from(data->size());
  std::iota(from.rbegin(), from.rend(), size_t{0});
  if (facts.node().attributes.contains("perm")) {
    from.clear();
    for (const int64_t axis : facts.Numbers("perm")) {
      if (axis < 0 || axis >= static_cast<int64_t>(data->size())) return facts.Refuse("perm is no permutation");
      from.push_back(static_cast<size_t>(axis));
    }
    std::vector<size_t> sorted = from;
    std::ranges::sort(sorted);
    if (from.size() != data->size() || std::ranges::adjacent_find(sorted) != sorted.end()) {
      return facts.Refuse("perm is no permutation of " + std::to_string(data->size()) + " axes");
    }
  }
  Shape shape;
  for (const size_t axis : from) shape.push_back((*data)[axis]);
  const std::vector<double>* values = facts.ValuesOf(0);
  if (values == nullptr) return facts.Set(0, std::move(shape));
  auto moved = PickValues(*values, shape, [&](const Shape& at) {
    Shape source(at.size());
    for (size_t i = 0; i < at.size(); ++i) source[from[i]] = at[i];
    return FlatPlace(source, *data);
  });
  facts.Set(0, std::move(shape), std::move(moved));
}

// ---- joining and cutting ----

void ConcatShapes(NodeFacts& facts) {
  Shape shape;
  std::optional<size_t> axis;
  bool every = true;
  for (size_t i = 0; i < facts.inputs(); ++i) {
    const Shape* part = facts.ShapeOf(i);
    if (part == nullptr) return;
    every &= facts.ValuesOf(i) != nullptr;
    if (i == 0) {
      axis = AxisOf(facts.Number("axis", 1), part->size());
      if (!axis) return facts.Refuse("has no such axis in " + ShapeText(*part));
      shape = *part;
      continue;
    }
    if (part->size() != shape.size()) return facts.Refuse("joins different ranks");
    for (size_t k = 0; k < shape.size(); ++k) {
      const int64_t extent = (*part)[k];
      if (k == *axis) {
        shape[k] = shape[k] < 0 || extent < 0 ? kUnknownExtent : shape[k] + extent;
      } else if (shape[k] < 0) {
        shape[k] = extent;
      } else if (extent >= 0 && extent != shape[k]) {
        return facts.Refuse(ShapeText(*part) + " cannot be joined along axis " + std::to_string(*axis));
      }
    }
  }
  if (!axis) return;
  // Elements of one index before the axis, part by part.
  std::vector<double> values;
  const bool joins = every && IsSmall(shape);
  const int64_t rows = joins ? ElementCount(std::span(shape).first(*axis)).value_or(0) : 0;
  for (int64_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < facts.inputs(); ++i) {
      const std::vector<double>& part = *facts.ValuesOf(i);
      const auto length = static_cast<std::ptrdiff_t>(part.size()) / rows;
      values.insert(values.end(), part.begin() + row * length, part.begin() + (row + 1) * length);
    }
  }
  facts.Set(0, std::move(shape), joins ? std::optional(std::move(values)) : std::nullopt);
}

// Extents of the parts along the axis; empty if they are not known.
Integers SplitParts(NodeFacts& facts, int64_t whole) {
  const auto given = facts.AttributeOrInput("split", 1);
  if (!given) return {};
  if (!given->empty()) return *given;
  const auto parts = static_cast<int64_t>(facts.outputs());
  if (whole < 0 || parts == 0) return {};
  const int64_t each = (whole + parts - 1) / parts;
  Integers equal;
  for (int64_t left = whole; static_cast<int64_t>(equal.size()) < parts; left -= equal.back()) {
    equal.push_back(std::min(each, left));
  }
  return equal;
}

void SplitShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  if (data == nullptr) return;
  const auto axis = AxisOf(facts.Number("axis", 0), data->size());
  if (!axis) return facts.Refuse("has no such axis in " + ShapeText(*data));
  const Integers parts = SplitParts(facts, (*data)[*axis]);
  if (!parts.empty() && parts.size() < facts.outputs()) return facts.Refuse("gives more outputs than parts");
  int64_t start = 0;
  for (size_t i = 0; i < facts.outputs(); ++i) {
    Shape shape = *data;
    shape[*axis] = parts.empty() ? kUnknownExtent : parts[i];
    if (!parts.empty() && (parts[i] < 0 || parts[i] > kLargestExtent)) return facts.Refuse("an impossible part");
    const std::vector<double>* values = facts.ValuesOf(0);
    std::optional<std::vector<double>> part;
    if (values != nullptr && IsSmall(shape)) {
      part = PickValues(*values, shape, [&](const Shape& at) {
        Shape source = at;
        source[*axis] += start;
        return source[*axis] < (*data)[*axis] ? FlatPlace(source, *data) : -1;
      });
    }
    facts.Set(i, std::move(shape), std::move(part));
    if (!parts.empty()) start += parts[i];
  }
}

struct Cut {
  int64_t start = 0, step = 1, length = kUnknownExtent;
};

// One axis of a Slice whose numbers are known.
Cut CutOf(int64_t extent, int64_t start, int64_t end, int64_t step) {
  const auto inside = [&](int64_t at, int64_t least, int64_t most) {
    return std::clamp(at < 0 ? at + extent : at, least, most);
  };
  Cut cut{0, step, 0};
  if (step > 0) {
    cut.start = inside(start, 0, extent);
    const int64_t stop = inside(end, 0, extent);
    cut.length = stop > cut.start ? (stop - cut.start - 1) / step + 1 : 0;
  } else {
    cut.start = inside(start, 0, extent - 1);
    const int64_t stop = inside(end, -1, extent - 1);
    cut.length = cut.start > stop ? (cut.start - stop - 1) / -step + 1 : 0;
  }
  return cut;
}

void SliceShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  if (data == nullptr) return;
  const auto starts = facts.AttributeOrInput("starts", 1);
  const auto ends = facts.AttributeOrInput("ends", 2);
  auto axes = facts.AttributeOrInput("axes", 3);
  const auto steps = facts.AttributeOrInput("steps", 4);
  if (axes && axes->empty()) {
    const size_t count = starts ? starts->size() : 0;
    if (!starts || count > data->size()) return facts.Set(0, Shape(data->size(), kUnknownExtent));
    axes->resize(count);
    std::iota(axes->begin(), axes->end(), 0);
  }
  if (!axes) return facts.Set(0, Shape(data->size(), kUnknownExtent));
  const auto wrong_size = [&](const auto& list) { return list && !list->empty() && list->size() != axes->size(); };
  if (wrong_size(starts) || wrong_size(ends) || wrong_size(steps)) return facts.Refuse("its lists differ in length");
  if (!SortedAxes(facts, *axes, data->size())) return;
  std::vector<Cut> cuts;
  for (const int64_t extent : *data) cuts.push_back({0, 1, extent});
  bool known = AllKnown(*data);
  for (size_t i = 0; i < axes->size(); ++i) {
    Cut& cut = cuts[*AxisOf((*axes)[i], data->size())];
    const int64_t step = steps && !steps->empty() ? (*steps)[i] : 1;
    if (steps && (step == 0 || step < -kLargestExtent)) return facts.Refuse("has a step of 0");
    const int64_t extent = cut.length;
    const bool cuts_known = starts && ends && steps && !starts->empty() && !ends->empty() && extent > 0;
    known &= cuts_known;
    cut = cuts_known ? CutOf(extent, (*starts)[i], (*ends)[i], step) : Cut{0, 1, extent == 0 ? 0 : kUnknownExtent};
  }
  Shape shape;
  for (const Cut& cut : cuts) shape.push_back(cut.length);
  const std::vector<double>* values = facts.ValuesOf(0);
  if (values == nullptr || !known) return facts.Set(0, std::move(shape));
  auto picked = PickValues(*values, shape, [&](const Shape& at) {
    Shape source(at.size());
    for (size_t i = 0; i < at.size(); ++i) source[i] = cuts[i].start + at[i] * cuts[i].step;
    return FlatPlace(source, *data);
  });
  facts.Set(0, std::move(shape), std::move(picked));
}

// ---- picking by indices ----

void GatherShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  const Shape* indices = facts.ShapeOf(1);
  if (data == nullptr || indices == nullptr) return;
  const auto axis = AxisOf(facts.Number("axis", 0), data->size());
  if (!axis) return facts.Refuse("has no such axis in " + ShapeText(*data));
  Shape shape(data->begin(), data->begin() + static_cast<std::ptrdiff_t>(*axis));
  shape.insert(shape.end(), indices->begin(), indices->end());
  shape.insert(shape.end(), data->begin() + static_cast<std::ptrdiff_t>(*axis) + 1, data->end());
  const std::vector<double>* values = facts.ValuesOf(0);
  const auto picks = facts.IntegersOf(1);
  if (values == nullptr || !picks || !IsSmall(shape)) return facts.Set(0, std::move(shape));
  auto picked = PickValues(*values, shape, [&](const Shape& at) {
    const auto first = at.begin() + static_cast<std::ptrdiff_t>(*axis);
    const auto last = first + static_cast<std::ptrdiff_t>(indices->size());
    const auto pick = AxisOf((*picks)[static_cast<size_t>(FlatPlace(Shape(first, last), *indices))],
                             static_cast<size_t>((*data)[*axis]));
    if (!pick) return int64_t{-1};
    Shape source(at.begin(), first);
    source.push_back(static_cast<int64_t>(*pick));
    source.insert(source.end(), last, at.end());
    return FlatPlace(source, *data);
  });
  facts.Set(0, std::move(shape), std::move(picked));
}

void GatherElementsShapes(NodeFacts& facts) {
  if (const Shape* indices = facts.ShapeOf(1)) facts.Set(0, *indices);
}

void GatherNdShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  const Shape* indices = facts.ShapeOf(1);
  if (data == nullptr || indices == nullptr) return;
  const int64_t batch = facts.Number("batch_dims", 0);
  if (indices->empty() || batch < 0 || batch >= static_cast<int64_t>(std::min(data->size(), indices->size()))) {
    return facts.Refuse("batch_dims = " + std::to_string(batch) + " for ranks " + std::to_string(data->size()) +
                        " and " + std::to_string(indices->size()));
  }
  if (indices->back() < 0) return;
  const int64_t rest = batch + indices->back();
  if (rest > static_cast<int64_t>(data->size())) return facts.Refuse("its indices are longer than its data's rank");
  Shape shape(indices->begin(), indices->end() - 1);
  shape.insert(shape.end(), data->begin() + rest, data->end());
  facts.Set(0, std::move(shape));
}

void CompressShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  if (!facts.node().attributes.contains("axis")) return facts.Set(0, {kUnknownExtent});
  if (data == nullptr) return;
  const auto axis = AxisOf(facts.Number("axis", 0), data->size());
  if (!axis) return facts.Refuse("has no such axis in " + ShapeText(*data));
  Shape shape = *data;
  shape[*axis] = kUnknownExtent;
  facts.Set(0, std::move(shape));
}

// ---- repeating and surrounding ----

void ExpandShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  const std::vector<double>* wanted = facts.ValuesOf(1);
  if (data == nullptr || wanted == nullptr) {
    const Shape* list = facts.ShapeOf(1);
    const bool ranked = data != nullptr && list != nullptr && list->size() == 1 && list->front() >= 0 &&
                        list->front() <= kMaxKnownValues;
    if (!ranked) return;
    return facts.Set(0, Shape(std::max(data->size(), static_cast<size_t>(list->front())), kUnknownExtent));
  }
  Shape target;
  for (const double value : *wanted) {
    const int64_t extent = std::isnan(value) ? kUnknownExtent : AsInteger(value);
    if (extent < -1 || extent > kLargestExtent) return facts.Refuse("an impossible shape");
    target.push_back(extent);
  }
  const auto shape = Broadcast(*data, target);
  if (!shape) return facts.Refuse(ShapeText(*data) + " cannot be stretched to " + ShapeText(target));
  const std::vector<double>* values = facts.ValuesOf(0);
  if (values == nullptr || !IsSmall(*shape)) return facts.Set(0, *shape);
  facts.Set(0, *shape, PickValues(*values, *shape, [&](const Shape& at) { return StretchedPlace(at, *data); }));
}

void TileShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  if (data == nullptr) return;
  const std::vector<double>* repeats = facts.ValuesOf(1);
  if (repeats == nullptr) return facts.Set(0, Shape(data->size(), kUnknownExtent));
  if (repeats->size() != data->size()) return facts.Refuse("has another number of repeats than axes");
  Shape shape;
  for (size_t i = 0; i < data->size(); ++i) {
    const double times = (*repeats)[i];
    if (times < 0) return facts.Refuse("repeats less than 0 times");
    shape.push_back(std::isnan(times) ? kUnknownExtent : ProductOf((*data)[i], AsInteger(times)));
  }
  const std::vector<double>* values = facts.ValuesOf(0);
  if (values == nullptr || !IsSmall(shape)) return facts.Set(0, std::move(shape));
  auto repeated = PickValues(*values, shape, [&](const Shape& at) {
    Shape source(at.size());
    for (size_t i = 0; i < at.size(); ++i) source[i] = at[i] % (*data)[i];
    return FlatPlace(source, *data);
  });
  facts.Set(0, std::move(shape), std::move(repeated));
}

void PadShapes(NodeFacts& facts) {
  const Shape* data = facts.ShapeOf(0);
  if (data == nullptr) return;
  std::vector<double> given;
  for (const int64_t pad : facts.Numbers("pads")) given.push_back(static_cast<double>(pad));
  const std::vector<double>* pads = facts.Given(1) ? facts.ValuesOf(1) : &given;
  std::vector<size_t> axes(data->size());
  std::iota(axes.begin(), axes.end(), size_t{0});
  if (facts.Given(3)) {
    const auto named = facts.IntegersOf(3);
    if (!named || !SortedAxes(facts, *named, data->size())) pads = nullptr;
    axes.clear();
    for (size_t i = 0; pads != nullptr && i < named->size(); ++i) axes.push_back(*AxisOf((*named)[i], data->size()));
  }
  if (pads == nullptr) return facts.Set(0, Shape(data->size(), kUnknownExtent));
  if (pads->size() != 2 * axes.size()) return facts.Refuse("has another number of pads than two for each axis");
  Shape shape = *data;
  for (size_t i = 0; i < axes.size(); ++i) {
    const double both = (*pads)[i] + (*pads)[i + axes.size()];
    int64_t& extent = shape[axes[i]];
    if (std::isnan(both) || extent < 0) {
      extent = both == 0 ? extent : kUnknownExtent;
      continue;
    }
    extent += AsInteger(std::clamp(both, -2e12, 2e12));
    if (extent < 0) return facts.Refuse("cuts off more than there is");
  }
  facts.Set(0, std::move(shape));
}

constexpr std::array kMovementShapes = {
    ShapeRow{"Compress", CompressShapes},   ShapeRow{"Concat", ConcatShapes},
    ShapeRow{"Expand", ExpandShapes},       ShapeRow{"Flatten", FlattenShapes},
    ShapeRow{"Gather", GatherShapes},       ShapeRow{"GatherElements", GatherElementsShapes},
    ShapeRow{"GatherND", GatherNdShapes},   ShapeRow{"Pad", PadShapes},
    ShapeRow{"Reshape", ReshapeShapes},     ShapeRow{"Slice", SliceShapes},
    ShapeRow{"Split", SplitShapes},         ShapeRow{"Squeeze", SqueezeShapes},
    ShapeRow{"Tile", TileShapes},           ShapeRow{"Transpose", TransposeShapes},
    ShapeRow{"Unsqueeze", UnsqueezeShapes},
};

}  // namespace

std::span<const ShapeRow> MovementShapes() { return kMovementShapes; }

}  // namespace vlaq::onnx
