// What a graph's input is, guessed from its name, type and extents. Private to this module.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "onnx/graph.h"
#include "policy/policy.h"

namespace vlaq::importing {

// The words of a name, in lower case: "observation.images.front2" -> observation, images, front, 2.
std::vector<std::string> WordsOf(std::string_view name);

enum class Meaning {
  kImage,            // a picture that the executor can make: float CHW or uint8 HWC, three channels
  kShapedLikeImage,  // the same, though its name does not say so
  kOddImage,         // called a picture, but of another form
  kState,
  kTokens,  // ids or a mask of a tokenizer
  kNoise,
  kOther,
};

// `batched`: the first extent is a batch axis.
struct Guess {
  Meaning meaning = Meaning::kOther;
  policy::ImageLayout layout = policy::ImageLayout::kChw;  // of pictures
};
Guess GuessMeaning(const onnx::ValueInfo& input, bool batched);

// Whether `output` is what `input` must be at the next step, by their names: "h0" and "hn", "state_in" and "state_out".
bool CarriesByName(std::string_view input, std::string_view output);

// Whether a name says that a value moves the robot: "action", "actions", "action_chunk".
bool IsActionName(std::string_view name);

}  // namespace vlaq::importing
