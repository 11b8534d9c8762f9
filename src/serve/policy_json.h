// Requests, actions and policies as JSON. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "base/status.h"
#include "serve/request.h"
#include "vlaq/policy.h"

namespace vlaq::serve {

// What each number of an action is: [{name, unit}].
Json AxesJson(const Feature& output);
// [chunk, dim] or [dim] of float32 as rows of numbers; the first of them.
Json ActionsJson(const Tensor& actions);
Json FirstActionJson(const Tensor& actions);

struct PictureLimits {
  int max_side = 4096;  // pixels
};

// A request {image, images: {NAME: ...}, state: [...], instruction, reset, any other key}. A picture is base64 of a
// JPEG or PNG, or {shape: [H, W, 3], data: base64 of its bytes}; `is_picture` says which keys are pictures. Numbers are
// lists within lists of one length. Errors: kInput naming the key; for more than 100,000 values in all.
Result<Request> RequestFromJson(std::string_view text, const std::function<bool(std::string_view)>& is_picture,
                                const PictureLimits& limits);

}  // namespace vlaq::serve
