#include "serve/policy_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/json.h"
#include "image/decode.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace vlaq::serve {
namespace {

constexpr int kMostLevels = 8;           // of lists and maps within each other
constexpr size_t kMostValues = 100'000;  // as in openpi's messages; a picture is a few

// At least as many as the text has, told before memory is taken for any: each but the first follows one of these.
size_t ValuesIn(std::string_view text) {
  const auto begins = [](char c) { return c == ',' || c == '[' || c == '{'; };
  return 1 + static_cast<size_t>(std::count_if(text.begin(), text.end(), begins));
}

class RequestReader {
 public:
  RequestReader(const std::function<bool(std::string_view)>& is_picture, const PictureLimits& limits)
      : is_picture_(is_picture), limits_(limits) {}

  Status Members(const Json& object, const std::string& prefix, int level) {
    if (level > kMostLevels) return InputError(prefix, "too many objects within each other");
    for (const auto& [name, value] : object.items()) {
      if (Status read = Member(prefix + name, value, level); !read.ok()) return Within(prefix + name, read.error());
    }
    return {};
  }
  Request Take() { return std::move(request_); }

 private:
  Status Member(const std::string& key, const Json& value, int level) {
    if (value.is_null()) return {};
    if (key == "reset") return Reset(value);
    const bool is_raw = value.is_object() && value.contains("shape") && value.contains("data");
    if (is_raw || (value.is_string() && is_picture_(key))) {
      VLAQ_ASSIGN_OR_RETURN(request_.values[key], is_raw ? RawPicture(value) : Picture(value.get<std::string>()));
      return {};
    }
    if (value.is_object()) return Members(value, key + "/", level + 1);
    if (value.is_string()) {
      request_.texts[key] = value.get<std::string>();
      return {};
    }
    VLAQ_ASSIGN_OR_RETURN(request_.values[key], Numbers(value));
    return {};
  }

  Status Reset(const Json& value) {
    if (!value.is_boolean()) return InputError("", "must be true or false");
    request_.reset = value.get<bool>();
    return {};
  }

  Result<Tensor> Picture(const std::string& text) const {
    VLAQ_ASSIGN_OR_RETURN(const std::string bytes, FromBase64(text));
    VLAQ_ASSIGN_OR_RETURN(const image::Image picture, image::DecodeImage(AsBytes(bytes), "", limits_.max_side));
    return Tensor::From<uint8_t>({picture.height, picture.width, 3}, picture.rgb);
  }

  Result<Tensor> RawPicture(const Json& value) const {
    Shape shape;
    const Json& extents = value["shape"];
    if (!extents.is_array() || extents.size() != 3 || !value["data"].is_string()) {
      return InputError("", "a raw picture is {shape: [height, width, 3], data: base64}");
    }
    for (const Json& extent : extents) {
      const bool fits =
          extent.is_number_integer() && extent.get<int64_t>() >= 1 && extent.get<int64_t>() <= limits_.max_side;
      if (!fits) return InputError("", fmt::format("the shape must be of integers from 1 to {}", limits_.max_side));
      shape.push_back(extent.get<int64_t>());
    }
    VLAQ_ASSIGN_OR_RETURN(const std::string bytes, FromBase64(value["data"].get_ref<const std::string&>()));
    if (ByteCount(DType::kU8, shape) != bytes.size()) {
      return InputError("", fmt::format("a picture {} has {} bytes", ShapeText(shape), bytes.size()));
    }
    return Tensor::From<uint8_t>(shape, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  }

  static Result<Tensor> Numbers(const Json& value) {
    Shape shape;
    const Json* at = &value;
    for (; at->is_array(); at = &at->front()) {
      if (shape.size() >= static_cast<size_t>(kMostLevels)) return InputError("", "too many lists within each other");
      shape.push_back(static_cast<int64_t>(at->size()));
      if (at->empty()) break;
    }
    std::vector<double> numbers;
    VLAQ_RETURN_IF_ERROR(Append(value, shape, numbers));
    return Tensor::From<double>(shape, numbers);
  }

  static Status Append(const Json& value, std::span<const int64_t> shape, std::vector<double>& numbers) {
    if (shape.empty()) {
      if (!value.is_number()) return InputError("", fmt::format("a {} where a number must be", value.type_name()));
      numbers.push_back(value.get<double>());
      return {};
    }
    if (!value.is_array() || value.size() != static_cast<size_t>(shape.front())) {
      return InputError("", "lists within a list must be of one length");
    }
    for (const Json& item : value) VLAQ_RETURN_IF_ERROR(Append(item, shape.subspan(1), numbers));
    return {};
  }

  const std::function<bool(std::string_view)>& is_picture_;
  PictureLimits limits_;
  Request request_;
};

}  // namespace

Json AxesJson(const Feature& output) {
  Json axes = Json::array();
  const int64_t width = output.shape.empty() ? 1 : std::max<int64_t>(output.shape.back(), 0);
  for (size_t i = 0; i < static_cast<size_t>(width); ++i) {
    axes.push_back({{"name", output.NameOf(i)}, {"unit", output.UnitOf(i)}});
  }
  return axes;
}

Json ActionsJson(const Tensor& actions) {
  const auto numbers = actions.data<float>();
  const size_t width = actions.rank() == 0 ? 1 : static_cast<size_t>(actions.shape().back());
  Json rows = Json::array();
  for (size_t at = 0; width > 0 && at < numbers.size(); at += width) {
    Json row = Json::array();
    for (size_t i = 0; i < width; ++i) row.push_back(static_cast<double>(numbers[at + i]));
    rows.push_back(std::move(row));
  }
  return rows;
}

Json FirstActionJson(const Tensor& actions) {
  Json rows = ActionsJson(actions);
  return rows.empty() ? Json::array() : rows.front();
}

Result<Request> RequestFromJson(std::string_view text, const std::function<bool(std::string_view)>& is_picture,
                                const PictureLimits& limits) {
  if (ValuesIn(text) > kMostValues) {
    return InputError("request", fmt::format("more than {} values", kMostValues),
                      "pictures are base64, or {shape, data}");
  }
  VLAQ_ASSIGN_OR_RETURN(const Json json, ParseJson(text, "request"));
  if (!json.is_object()) return InputError("request", "must be a JSON object");
  RequestReader reader(is_picture, limits);
  VLAQ_RETURN_IF_ERROR(reader.Members(json, "", 1));
  return reader.Take();
}

}  // namespace vlaq::serve
