// The tensors of the Mobile VLA policy, variant A (909 of them: Kosmos-2, LSTM, MLP), as a table: name, shape and how a
// random stand-in is drawn. Pure data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/shape.h"

namespace vlaq::kosmos2_lstm {

enum class Size {
  kFull,   // 1,703,973,122 parameters, the published policy
  kMicro,  // the same names, layers and structure at narrow widths: 1,045,738 parameters
};

// Widths of one size; the settings files are written from it too.
struct PolicyShape {
  int64_t vocabulary = 0;
  int64_t text_width = 0;
  int64_t text_heads = 0;
  int64_t text_ffn = 0;
  int64_t vision_width = 0;
  int64_t vision_heads = 0;
  int64_t vision_ffn = 0;
  int64_t image = 224;   // pixels
  int64_t patch = 14;    // pixels
  int64_t latents = 64;  // text positions that one image takes
  int64_t layers = 24;   // of each tower
  int64_t lstm_hidden = 0;
  int64_t lstm_layers = 4;
  std::vector<int64_t> mlp_widths;
  int64_t action_dim = 2;
  std::vector<int64_t> prompt_ids;       // an image and a short sentence
  std::vector<int64_t> image_positions;  // 1 where prompt_ids stands for an image row
};
PolicyShape ShapeOf(Size size);

// Values are mean + deviation * n with n standard normal.
struct TensorPlan {
  std::string name;
  Shape shape;
  float mean = 0;
  float deviation = 0;
  bool is_head = false;     // trained, so the optimizer has moments for it
  bool zero_row_1 = false;  // the embedding of the padding token
};

// In the order in which the modules register them.
std::vector<TensorPlan> PolicyTensors(const PolicyShape& shape);

}  // namespace vlaq::kosmos2_lstm
