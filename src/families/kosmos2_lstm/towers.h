// The parts of the policy, each a function from values to a value: docs/kosmos2_lstm.md 4 and 7 as graphs. B is the
// number of frames, P the vision tokens, L the image rows (latents), T the positions of the language model, Dv and Dt
// the widths.
#pragma once

#include "families/kosmos2_lstm/config.h"
#include "families/kosmos2_lstm/network.h"
#include "families/kosmos2_lstm/policy_spec.h"

namespace vlaq::kosmos2_lstm {

struct Model {
  Structure structure;
  Config config;
  int64_t position_rows = 0;  // of the sinusoidal table
};

// pixel_values [B, C, S, S] -> last hidden state [B, P, Dv], before post_layernorm.
Value VisionTower(Network& net, const Model& model, const Value& pixel_values);
// Vision hidden [B, P, Dv] -> pooler output [B, Dv]: post_layernorm of the class token.
Value VisionPooler(Network& net, const Model& model, const Value& vision_hidden);
// Vision hidden [B, P, Dv] -> image rows [B, L, Dt].
Value ImageEmbeds(Network& net, const Model& model, const Value& vision_hidden);

// What the language model reads. Batch extents are B, or 1 for what does not depend on the batch.
struct Sequence {
  Value embeddings;  // [B, T, Dt], unscaled
  Value mask;        // int64 [B or 1, T], 1 where a token may be seen
  Value positions;   // int64 [B or 1, T], rows of the position table
};
// A prompt: int64 token ids and mask, [B, N], or [1, N] constants when it is baked in.
struct PromptValues {
  Value ids;
  Value mask;
  bool baked = false;
};
Sequence ArrangeSequence(Network& net, const Model& model, const PolicySpec& spec, const PromptValues& prompt,
                         const Value& image_embeds);

// The decoder with its final norm: [B, T, Dt].
Value TextTower(Network& net, const Model& model, const Sequence& sequence);

// The vector that feeds the LSTM, from the decoder's output [B, T, Dt]: [B, Dt].
Value SelectFeature(Network& net, const PolicySpec& spec, const Value& text_hidden, const Value& mask);

// features [B, W, D] -> actions [B, chunk, action_dim] of the newest frame.
Value ActionHead(Network& net, const Model& model, const PolicySpec& spec, const Value& features);

}  // namespace vlaq::kosmos2_lstm
