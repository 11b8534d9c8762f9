#include "runtime/features.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <set>

#include "base/text.h"
#include "runtime/reused_tensor.h"
#include "tensor/convert.h"
#include "tensor/non_finite.h"

namespace vlaq::runtime {
namespace {

using policy::ImageLayout;
using policy::InputType;
using policy::NormalizationMode;

// Holds any 64-bit integer and any double on the machines that we build for.
using Exact = long double;
static_assert(std::numeric_limits<Exact>::digits >= 64);

template <typename T>
void AppendAll(Bytes bytes, std::vector<Exact>& values) {
  for (size_t at = 0; at < bytes.size(); at += sizeof(T))
    values.push_back(static_cast<Exact>(LoadLittle<T>(bytes, at)));
}

// Empty, although there are elements, for types that are no real numbers.
std::vector<Exact> ExactValues(const Tensor& tensor) {
  std::vector<Exact> values;
  values.reserve(static_cast<size_t>(tensor.size()));
  const Bytes bytes = tensor.bytes();
  switch (tensor.dtype()) {
    case DType::kBool:
    case DType::kU8:
      AppendAll<uint8_t>(bytes, values);
      break;
    case DType::kI8:
      AppendAll<int8_t>(bytes, values);
      break;
    case DType::kU16:
      AppendAll<uint16_t>(bytes, values);
      break;
    case DType::kI16:
      AppendAll<int16_t>(bytes, values);
      break;
    case DType::kU32:
      AppendAll<uint32_t>(bytes, values);
      break;
    case DType::kI32:
      AppendAll<int32_t>(bytes, values);
      break;
    case DType::kU64:
      AppendAll<uint64_t>(bytes, values);
      break;
    case DType::kI64:
      AppendAll<int64_t>(bytes, values);
      break;
    default:
      if (IsConvertible(tensor.dtype(), DType::kF64)) {
        std::vector<double> doubles(static_cast<size_t>(tensor.size()));
        Convert(tensor.dtype(), bytes, DType::kF64, std::as_writable_bytes(std::span(doubles)));
        values.assign(doubles.begin(), doubles.end());
      }
  }
  return values;
}

// The element that T cannot hold, if there is one.
template <typename T>
std::optional<size_t> StoreIntegers(const std::vector<Exact>& values, Exact most, MutableBytes out) {
  const auto least = static_cast<Exact>(std::numeric_limits<T>::min());
  for (size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] >= least && values[i] <= most) || values[i] != std::trunc(values[i])) return i;
    const auto integer = static_cast<T>(values[i]);
    std::memcpy(out.data() + i * sizeof(T), &integer, sizeof(T));
  }
  return {};
}
template <typename T>
std::optional<size_t> StoreIntegers(const std::vector<Exact>& values, MutableBytes out) {
  return StoreIntegers<T>(values, static_cast<Exact>(std::numeric_limits<T>::max()), out);
}

std::optional<size_t> StoreFloats(const std::vector<Exact>& values, bool exactly, Tensor& out) {
  std::vector<double> doubles(values.size());
  for (size_t i = 0; i < values.size(); ++i) doubles[i] = static_cast<double>(values[i]);
  Convert(DType::kF64, std::as_bytes(std::span(doubles)), out.dtype(), out.mutable_bytes());
  const std::vector<Exact> back = ExactValues(out);
  for (size_t i = 0; i < values.size(); ++i) {
    if (exactly ? back[i] != values[i] : !std::isfinite(back[i])) return i;
  }
  return {};
}

bool IsIntegerTarget(DType dtype) {
  return !IsFloat(dtype) && DTypeBits(dtype) >= 8 && dtype != DType::kC64 && dtype != DType::kC128;
}

// `exactly`: floats may not be rounded either. All values are finite.
std::optional<size_t> StoreValues(const std::vector<Exact>& values, bool exactly, Tensor& out) {
  const MutableBytes bytes = out.mutable_bytes();
  switch (out.dtype()) {
    case DType::kBool:
      return StoreIntegers<uint8_t>(values, 1, bytes);
    case DType::kU8:
      return StoreIntegers<uint8_t>(values, bytes);
    case DType::kI8:
      return StoreIntegers<int8_t>(values, bytes);
    case DType::kU16:
      return StoreIntegers<uint16_t>(values, bytes);
    case DType::kI16:
      return StoreIntegers<int16_t>(values, bytes);
    case DType::kU32:
      return StoreIntegers<uint32_t>(values, bytes);
    case DType::kI32:
      return StoreIntegers<int32_t>(values, bytes);
    case DType::kU64:
      return StoreIntegers<uint64_t>(values, bytes);
    case DType::kI64:
      return StoreIntegers<int64_t>(values, bytes);
    default:
      return StoreFloats(values, exactly, out);
  }
}

bool FitsShape(const Shape& given, const Shape& wanted) {
  return std::equal(given.begin(), given.end(), wanted.begin(), wanted.end(),
                    [](int64_t x, int64_t y) { return y < 0 || x == y; });
}

std::string MeantName(const std::string& name, const std::vector<std::string>& candidates) {
  const std::string nearest = NearestWord(name, candidates);
  return nearest.empty() ? "" : fmt::format("did you mean '{}'?", nearest);
}

Result<std::vector<float>> Rounded(const std::vector<double>& numbers, int64_t width, std::string_view what) {
  if (numbers.size() != 1 && static_cast<int64_t>(numbers.size()) != width) {
    return InputError("", fmt::format("{} numbers of the {} for {} elements", numbers.size(), what,
                                      width < 0 ? "any number of" : std::to_string(width)));
  }
  std::vector<float> rounded;
  for (const double number : numbers) {
    rounded.push_back(static_cast<float>(number));
    if (!std::isfinite(rounded.back())) return InputError("", fmt::format("the {} is {}", what, number));
  }
  return rounded;
}

// One number for all, or one an element.
class Repeated {
 public:
  explicit Repeated(const std::vector<float>& numbers) : numbers_(numbers) {}
  float Next() {
    const float number = numbers_[at_];
    if (++at_ == numbers_.size()) at_ = 0;
    return number;
  }

 private:
  const std::vector<float>& numbers_;
  size_t at_ = 0;
};

int64_t LastExtent(const Shape& shape) { return shape.empty() ? 1 : shape.back(); }

}  // namespace

Result<Normalizer> Normalizer::Make(const policy::Normalization& normalization, int64_t width) {
  Normalizer made;
  made.mode_ = normalization.mode;
  switch (normalization.mode) {
    case NormalizationMode::kIdentity:
      return made;
    case NormalizationMode::kMeanStd: {
      VLAQ_ASSIGN_OR_RETURN(made.offset_, Rounded(normalization.a, width, "mean"));
      VLAQ_ASSIGN_OR_RETURN(made.factor_, Rounded(normalization.b, width, "std"));
      for (const float std : made.factor_) made.divisor_.push_back(std + 1e-8F);
      break;
    }
    case NormalizationMode::kMinMax: {
      VLAQ_ASSIGN_OR_RETURN(made.offset_, Rounded(normalization.a, width, "min"));
      VLAQ_ASSIGN_OR_RETURN(const std::vector<float> most, Rounded(normalization.b, width, "max"));
      Repeated min(made.offset_);
      Repeated max(most);
      for (size_t i = 0; i < std::max(made.offset_.size(), most.size()); ++i) {
        const float range = max.Next() - min.Next();
        made.factor_.push_back(range == 0 ? 1e-8F : range);  // an element that never moved
      }
      made.divisor_ = made.factor_;
      break;
    }
    case NormalizationMode::kScale: {
      VLAQ_ASSIGN_OR_RETURN(made.factor_, Rounded(normalization.a, width, "scale"));
      made.divisor_ = made.factor_;
      made.offset_ = {0};
      break;
    }
  }
  for (const float divisor : made.divisor_) {
    if (divisor == 0 || !std::isfinite(divisor))
      return InputError("", fmt::format("numbers are divided by {}", divisor));
  }
  return made;
}

void Normalizer::Normalize(std::span<float> values) const {
  if (identity()) return;
  Repeated offset(offset_);
  Repeated divisor(divisor_);
  if (mode_ == NormalizationMode::kMinMax) {
    for (float& x : values) x = 2 * (x - offset.Next()) / divisor.Next() - 1;
  } else {
    for (float& x : values) x = (x - offset.Next()) / divisor.Next();
  }
}

void Normalizer::Unnormalize(std::span<float> values) const {
  if (identity()) return;
  Repeated offset(offset_);
  Repeated factor(factor_);
  if (mode_ == NormalizationMode::kMinMax) {
    for (float& x : values) x = (x + 1) / 2 * factor.Next() + offset.Next();
  } else {
    for (float& x : values) x = x * factor.Next() + offset.Next();
  }
}

// One key of an observation.
struct FeatureReader::Reader {
  policy::Input input;
  std::string name;      // of a text input NAME.KEY
  bool required = true;  // images and states
  Normalizer normalizer;
  std::optional<image::Preprocessor> preprocessor;  // layout kChw
  std::optional<image::Resizer> resizer;            // layout kHwc
  image::Image resized;
  ReusedTensor numbers, converted;

  Error Refuse(const std::string& what, std::string advice = "") const {
    return UsageError(fmt::format("the input '{}' {}", name, what), std::move(advice));
  }

  Status MakeImage() {
    const image::PreprocessSpec& spec = input.preprocess;
    if (input.layout == ImageLayout::kChw) {
      if (!IsConvertible(DType::kF32, input.dtype)) return {};  // only as the graph takes it
      auto made = image::Preprocessor::Make(spec);
      if (!made.ok()) return InputError("", made.error().what);
      preprocessor = std::move(*made);
      return {};
    }
    if (input.dtype != DType::kU8) {
      return InputError("", fmt::format("the layout hwc is of uint8, not of {}", DTypeName(input.dtype)));
    }
    const bool sized = input.shape.size() == 3 && input.shape[0] > 0 && input.shape[1] > 0;
    const int64_t height = sized ? input.shape[0] : spec.height();
    const int64_t width = sized ? input.shape[1] : spec.width();
    if (!image::IsAllowedSize(width, height)) {
      return InputError("", fmt::format("pictures cannot be made {} x {} pixels", width, height));
    }
    resizer.emplace(spec.resize, static_cast<int>(width), static_cast<int>(height), spec.pass_order);
    return {};
  }

  Status MakeNumbers() {
    VLAQ_ASSIGN_OR_RETURN(normalizer, Normalizer::Make(input.normalize, LastExtent(input.shape)));
    if (normalizer.identity() || IsConvertible(DType::kF32, input.dtype)) return {};
    return InputError("", fmt::format("{} cannot hold normalized numbers", DTypeName(input.dtype)));
  }

  Result<Tensor> Read(const Tensor& given) {
    if (input.type == InputType::kText) return given;
    const bool batch = input.batched && given.shape().size() == input.shape.size() + 1 && given.shape()[0] == 1;
    const Tensor value = batch ? given.Reshaped(Shape(given.shape().begin() + 1, given.shape().end())) : given;
    const bool picture = value.dtype() == DType::kU8 && value.rank() == 3 && value.shape()[2] == 3;
    if (picture && preprocessor) return ReadChw(value);
    if (picture && resizer) return ReadHwc(value);
    return ReadNumbers(value);
  }

  Result<Tensor> ReadChw(const Tensor& picture) {
    const auto view = image::ViewOf(picture, "");
    if (!view.ok()) return Refuse("is no picture: " + view.error().what);
    const Shape shape{3, preprocessor->spec().height(), preprocessor->spec().width()};
    VLAQ_RETURN_IF_ERROR(Becomes(shape));
    VLAQ_RETURN_IF_ERROR(preprocessor->Run(*view, numbers.Take(DType::kF32, shape).mutable_data<float>()));
    return InType(numbers);
  }

  // Whether the graph takes what a picture is made into.
  Status Becomes(const Shape& shape) const {
    if (FitsShape(shape, input.shape)) return {};
    return Refuse(fmt::format("is a picture, of which {} is made, and the graph takes {}", ShapeText(shape),
                              ShapeText(input.shape)),
                  "give it as the graph takes it");
  }

  Result<Tensor> ReadHwc(const Tensor& picture) {
    const auto view = image::ViewOf(picture, "");
    if (!view.ok()) return Refuse("is no picture: " + view.error().what);
    const bool swap = input.preprocess.channel_order == image::ChannelOrder::kBgr;
    const Shape shape{resizer->height(), resizer->width(), 3};
    VLAQ_RETURN_IF_ERROR(Becomes(shape));
    if (!swap && picture.shape() == shape) return picture;
    VLAQ_RETURN_IF_ERROR(resizer->Resize(*view, resized));
    const std::span<uint8_t> out = numbers.Take(DType::kU8, shape).mutable_data<uint8_t>();
    std::copy(resized.rgb.begin(), resized.rgb.end(), out.begin());
    for (size_t i = 0; swap && i < out.size(); i += 3) std::swap(out[i], out[i + 2]);
    return numbers.Shared();
  }

  Result<Tensor> ReadNumbers(const Tensor& value) {
    if (!FitsShape(value.shape(), input.shape)) {
      const bool image = input.type == InputType::kImage;
      return Refuse(fmt::format("is {} {}, and the policy takes {}{} {}", DTypeName(value.dtype()),
                                ShapeText(value.shape()), image ? "a picture, uint8 [height, width, 3], or " : "",
                                DTypeName(input.dtype), ShapeText(input.shape)));
    }
    const NonFinite found = FindNonFinite(value.dtype(), value.bytes());
    if (found.any()) return Refuse("is not finite: " + found.Describe(value.size()));
    if (normalizer.identity()) return Converted(value, input.dtype, converted);
    VLAQ_ASSIGN_OR_RETURN(const Tensor floats, Converted(value, DType::kF32, converted));
    Tensor& out = numbers.Take(DType::kF32, value.shape());
    const std::span<float> to = out.mutable_data<float>();
    std::copy(floats.data<float>().begin(), floats.data<float>().end(), to.begin());
    normalizer.Normalize(to);
    const NonFinite overflowed = FindNonFinite(DType::kF32, out.bytes());
    if (overflowed.any()) return Refuse("is not finite when it is normalized: " + overflowed.Describe(value.size()));
    return InType(numbers);
  }

  // What has been computed in float32, as the graph takes it.
  Result<Tensor> InType(const ReusedTensor& computed) {
    return input.dtype == DType::kF32 ? computed.Shared() : Converted(computed.Shared(), input.dtype, converted);
  }

  Result<Tensor> Converted(const Tensor& value, DType to, ReusedTensor& room) const {
    if (value.dtype() == to) return value;
    const std::vector<Exact> values = ExactValues(value);
    const bool possible = IsIntegerTarget(to) || IsConvertible(DType::kF64, to);
    if (!possible || values.size() != static_cast<size_t>(value.size())) {
      return Refuse(fmt::format("is {}, of which no {} can be made", DTypeName(value.dtype()), DTypeName(to)));
    }
    Tensor& out = room.Take(to, value.shape());
    if (const auto lost = StoreValues(values, !IsFloat(value.dtype()), out)) {
      return Refuse(fmt::format("is {}, and its element {}, {}, cannot be {}", DTypeName(value.dtype()), *lost,
                                static_cast<double>(values[*lost]), DTypeName(to)));
    }
    return room.Shared();
  }
};

struct FeatureReader::Meaning {
  policy::Output output;
  Normalizer normalizer;
};

FeatureReader::FeatureReader() = default;
FeatureReader::FeatureReader(FeatureReader&&) noexcept = default;
FeatureReader& FeatureReader::operator=(FeatureReader&&) noexcept = default;
FeatureReader::~FeatureReader() = default;

Result<FeatureReader> FeatureReader::Make(const policy::Policy& policy) {
  FeatureReader made;
  for (const policy::Input& input : policy.inputs) {
    Reader reader;
    reader.input = input;
    reader.name = input.name;
    reader.required = input.type == InputType::kImage || input.type == InputType::kState;
    Status status;
    if (input.type == InputType::kImage) status = reader.MakeImage();
    if (input.type == InputType::kState) status = reader.MakeNumbers();
    if (!status.ok()) return Within("inputs." + input.name, status.error());
    if (input.type == InputType::kText) {
      for (const std::string& key : input.makes) {
        Reader text;
        text.input = input;
        text.name = input.name + "." + key;
        text.required = false;
        made.readers_.push_back(std::move(text));
      }
    } else {
      made.readers_.push_back(std::move(reader));
    }
  }
  // What the step before left, given for an episode that begins in the middle: as it is, like a text's values.
  std::set<std::string> memories;
  for (const auto& [schedule, steps] : policy.schedules) {
    for (const policy::Step& step : steps) {
      if (step.kind == policy::StepKind::kCarry) memories.insert(step.as);
    }
  }
  for (const std::string& memory : memories) {
    Reader& reader = made.readers_.emplace_back();
    reader.input.type = InputType::kText;
    reader.name = memory;
    reader.required = false;
  }
  for (const policy::Output& output : policy.outputs) {
    const auto normalizer = Normalizer::Make(output.unnormalize, LastExtent(output.shape));
    if (!normalizer.ok()) return Within("outputs." + output.name, normalizer.error());
    made.meanings_.push_back({output, *normalizer});
  }
  return made;
}

std::vector<std::string> FeatureReader::Names() const {
  std::vector<std::string> names;
  for (const Reader& reader : readers_) names.push_back(reader.name);
  return names;
}

Result<NamedTensors> FeatureReader::Read(const NamedTensors& observation) {
  for (const auto& given : observation) {
    const auto known =
        std::any_of(readers_.begin(), readers_.end(), [&](const Reader& reader) { return reader.name == given.first; });
    if (known) continue;
    std::string advice = MeantName(given.first, Names());
    if (advice.empty()) advice = fmt::format("the policy observes: {}", fmt::join(Names(), ", "));
    return UsageError(fmt::format("the policy has no input '{}'", given.first), std::move(advice));
  }
  NamedTensors values;
  for (Reader& reader : readers_) {
    const auto given = observation.find(reader.name);
    if (given != observation.end()) {
      VLAQ_ASSIGN_OR_RETURN(Tensor value, reader.Read(given->second));
      values.emplace(reader.name, std::move(value));
    } else if (reader.required) {
      std::vector<std::string> names;
      for (const auto& other : observation) names.push_back(other.first);
      return UsageError(fmt::format("the observation lacks '{}'", reader.name),
                        names.empty() ? "it is empty" : fmt::format("it has: {}", fmt::join(names, ", ")));
    }
  }
  return values;
}

Result<Tensor> FeatureReader::Unnormalize(const std::string& output, const Tensor& value) const {
  const auto meaning = std::find_if(meanings_.begin(), meanings_.end(),
                                    [&](const Meaning& known) { return known.output.name == output; });
  if (meaning == meanings_.end()) {
    std::vector<std::string> names;
    for (const Meaning& known : meanings_) names.push_back(known.output.name);
    return UsageError(fmt::format("the policy has no output '{}'", output), MeantName(output, names));
  }
  if (meaning->normalizer.identity()) return value;
  const Shape& shape = meaning->output.shape;
  // A single action of a chunk means what it means in the chunk.
  if (LastExtent(shape) >= 0 && (value.shape().empty() ? 1 : value.shape().back()) != LastExtent(shape)) {
    return InputError(fmt::format("output '{}'", output), fmt::format("is {}, and its last axis has {} elements",
                                                                      ShapeText(value.shape()), LastExtent(shape)));
  }
  const auto floats = ToFloat32(value);
  if (!floats.ok()) return Within(fmt::format("output '{}'", output), floats.error());
  Tensor out = Tensor::From<float>(value.shape(), floats->data<float>());
  meaning->normalizer.Unnormalize(out.mutable_data<float>());
  return out;
}

}  // namespace vlaq::runtime
