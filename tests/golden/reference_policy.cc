#include "reference_policy.h"

#include <algorithm>
#include <cmath>

namespace vlaq::golden {
namespace {

using kosmos2_lstm::FeatureSource;
using kosmos2_lstm::PromptLayout;

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

Matrix Plus(const Matrix& a, const Matrix& b) {
  Matrix sum = a;
  for (size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += b.values[i];
  return sum;
}

template <typename Function>
Matrix Each(Matrix x, Function function) {
  for (double& value : x.values) value = function(value);
  return x;
}

void Append(Matrix& below, const Matrix& rows, size_t first, size_t last) {
  below.columns = rows.columns;
  for (size_t r = first; r < last; ++r) {
    for (size_t c = 0; c < rows.columns; ++c) below.values.push_back(rows.At(r, c));
    ++below.rows;
  }
}

std::vector<double> RowOf(const Matrix& x, size_t row) {
  std::vector<double> values;
  for (size_t c = 0; c < x.columns; ++c) values.push_back(x.At(row, c));
  return values;
}

// Row p of the sinusoidal table: sines first, then cosines; row 1 is padding's.
double Position(size_t p, size_t column, size_t width) {
  if (p == 1) return 0;
  const size_t half = width / 2;
  const size_t k = column % half;
  const double frequency = std::exp(-static_cast<double>(k) * std::log(10000.0) / static_cast<double>(half - 1));
  const double angle = static_cast<double>(p) * frequency;
  return column < half ? std::sin(angle) : std::cos(angle);
}

}  // namespace

ReferencePolicy::ReferencePolicy(const std::map<std::string, Tensor>& tensors, ReferenceSettings settings)
    : settings_(std::move(settings)) {
  for (const auto& [name, tensor] : tensors) {
    const auto rows = tensor.rank() < 2 ? size_t{1} : static_cast<size_t>(tensor.shape()[0]);
    Matrix matrix(rows, static_cast<size_t>(tensor.size()) / rows);
    std::copy(tensor.data<float>().begin(), tensor.data<float>().end(), matrix.values.begin());
    weights_.emplace(name, std::move(matrix));
  }
}

Matrix ReferencePolicy::Get(const std::string& name) const {
  for (const std::string& prefix : {settings_.backbone, settings_.head, std::string("model."), std::string()}) {
    if (const auto it = weights_.find(prefix + name); it != weights_.end()) return it->second;
  }
  return {};
}

Matrix ReferencePolicy::Linear(const Matrix& x, const std::string& module) const {
  const Matrix weight = Get(module + ".weight");
  const Matrix bias = Get(module + ".bias");
  Matrix y(x.rows, weight.rows);
  for (size_t r = 0; r < x.rows; ++r) {
    for (size_t out = 0; out < weight.rows; ++out) {
      double sum = bias.At(0, out);
      for (size_t in = 0; in < x.columns; ++in) sum += x.At(r, in) * weight.At(out, in);
      y.At(r, out) = sum;
    }
  }
  return y;
}

Matrix ReferencePolicy::Norm(const Matrix& x, const std::string& module, double epsilon) const {
  const Matrix weight = Get(module + ".weight");
  const Matrix bias = Get(module + ".bias");
  const auto width = static_cast<double>(x.columns);
  Matrix y = x;
  for (size_t r = 0; r < x.rows; ++r) {
    double mean = 0;
    double variance = 0;
    for (size_t c = 0; c < x.columns; ++c) mean += x.At(r, c) / width;
    for (size_t c = 0; c < x.columns; ++c) variance += std::pow(x.At(r, c) - mean, 2) / width;
    for (size_t c = 0; c < x.columns; ++c) {
      y.At(r, c) = (x.At(r, c) - mean) / std::sqrt(variance + epsilon) * weight.At(0, c) + bias.At(0, c);
    }
  }
  return y;
}

Matrix ReferencePolicy::Attend(const Matrix& queries, const Matrix& keys, const std::string& module, size_t heads,
                               const std::vector<std::vector<bool>>& visible, const std::string& inner_norm) const {
  const Matrix q = Linear(queries, module + ".q_proj");
  const Matrix k = Linear(keys, module + ".k_proj");
  const Matrix v = Linear(keys, module + ".v_proj");
  const size_t width = q.columns / heads;
  Matrix context(queries.rows, q.columns);
  for (size_t head = 0; head < heads; ++head) {
    for (size_t i = 0; i < q.rows; ++i) {
      std::vector<double> weights(k.rows);
      double total = 0;
      for (size_t j = 0; j < k.rows; ++j) {
        if (!visible.empty() && !visible[i][j]) continue;
        double score = 0;
        for (size_t c = head * width; c < (head + 1) * width; ++c) score += q.At(i, c) * k.At(j, c);
        weights[j] = std::exp(score / std::sqrt(static_cast<double>(width)));
        total += weights[j];
      }
      for (size_t c = head * width; c < (head + 1) * width; ++c) {
        for (size_t j = 0; j < k.rows; ++j) context.At(i, c) += weights[j] / total * v.At(j, c);
      }
    }
  }
  if (!inner_norm.empty()) context = Norm(context, inner_norm, settings_.text_epsilon);
  return Linear(context, module + ".out_proj");
}

Matrix ReferencePolicy::Vision(const Tensor& pixels) const {
  const std::string model = "vision_model.model.";
  const Matrix kernel = Get(model + "embeddings.patch_embedding.weight");
  const size_t side = static_cast<size_t>(pixels.shape()[1]);
  const size_t patch = settings_.patch;
  const size_t grid = side / patch;
  const auto data = pixels.data<float>();
  Matrix x(grid * grid + 1, kernel.rows);
  for (size_t d = 0; d < kernel.rows; ++d) {
    x.At(0, d) = Get(model + "embeddings.class_embedding").At(0, d);
    for (size_t token = 0; token < grid * grid; ++token) {
      for (size_t at = 0; at < kernel.columns; ++at) {  // channel, row, column inside the patch
        const size_t channel = at / (patch * patch);
        const size_t row = token / grid * patch + at / patch % patch;
        const size_t column = token % grid * patch + at % patch;
        x.At(1 + token, d) += kernel.At(d, at) * static_cast<double>(data[(channel * side + row) * side + column]);
      }
    }
  }
  x = Norm(Plus(x, Get(model + "embeddings.position_embedding.weight")), model + "pre_layrnorm",
           settings_.vision_epsilon);
  for (size_t i = 0;; ++i) {
    const std::string layer = model + "encoder.layers." + std::to_string(i);
    if (Get(layer + ".layer_norm1.weight").rows == 0) return x;
    const Matrix normed = Norm(x, layer + ".layer_norm1", settings_.vision_epsilon);
    x = Plus(x, Attend(normed, normed, layer + ".self_attn", settings_.vision_heads, {}, ""));
    const Matrix wide = Linear(Norm(x, layer + ".layer_norm2", settings_.vision_epsilon), layer + ".mlp.fc1");
    x = Plus(x, Linear(Each(wide, [](double v) { return v * Sigmoid(1.702 * v); }), layer + ".mlp.fc2"));
  }
}

Matrix ReferencePolicy::ImageRows(const Matrix& vision) const {
  Matrix x = Norm(vision, "vision_model.model.post_layernorm", settings_.vision_epsilon);
  for (size_t r = 0; r < x.rows; ++r) {
    double squares = 0;
    for (size_t c = 0; c < x.columns; ++c) squares += x.At(r, c) * x.At(r, c);
    for (size_t c = 0; c < x.columns; ++c) x.At(r, c) /= std::max(std::sqrt(squares), 1e-12);
  }
  Matrix keys = Linear(x, "image_to_text_projection.dense");
  const Matrix latents = Get("image_to_text_projection.latent_query");
  Append(keys, latents, 0, latents.rows);
  return Attend(latents, keys, "image_to_text_projection.x_attn", settings_.text_heads, {}, "");
}

Matrix ReferencePolicy::Decode(Matrix x, const std::vector<size_t>& positions, const std::vector<int64_t>& mask) const {
  for (size_t t = 0; t < x.rows; ++t) {
    for (size_t c = 0; c < x.columns; ++c) {
      x.At(t, c) = x.At(t, c) * std::sqrt(static_cast<double>(x.columns)) + Position(positions[t], c, x.columns);
    }
  }
  std::vector<std::vector<bool>> visible(x.rows, std::vector<bool>(x.rows));
  for (size_t i = 0; i < x.rows; ++i) {
    for (size_t j = 0; j <= i; ++j) visible[i][j] = mask[j] == 1;
  }
  for (size_t i = 0;; ++i) {
    const std::string layer = "text_model.model.layers." + std::to_string(i);
    if (Get(layer + ".final_layer_norm.weight").rows == 0) break;
    const Matrix normed = Norm(x, layer + ".self_attn_layer_norm", settings_.text_epsilon);
    x = Plus(x, Attend(normed, normed, layer + ".self_attn", settings_.text_heads, visible,
                       layer + ".self_attn.inner_attn_ln"));
    const Matrix wide = Linear(Norm(x, layer + ".final_layer_norm", settings_.text_epsilon), layer + ".ffn.fc1");
    const Matrix active = Each(wide, [](double v) { return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0))); });
    x = Plus(x, Linear(Norm(active, layer + ".ffn.ffn_layernorm", settings_.text_epsilon), layer + ".ffn.fc2"));
  }
  return Norm(x, "text_model.model.layer_norm", settings_.text_epsilon);
}

std::vector<double> ReferencePolicy::Feature(const Tensor& pixels, const std::vector<int64_t>& ids,
                                             const std::vector<int64_t>& prompt_mask) const {
  const Matrix vision = Vision(pixels);
  if (settings_.source == FeatureSource::kPooler) {
    Matrix first;
    Append(first, vision, 0, 1);
    return RowOf(Norm(first, "vision_model.model.post_layernorm", settings_.vision_epsilon), 0);
  }
  const Matrix image = ImageRows(vision);
  const Matrix table = Get("text_model.model.embed_tokens.weight");
  Matrix words;
  for (const int64_t id : ids) Append(words, table, static_cast<size_t>(id), static_cast<size_t>(id) + 1);
  const Matrix token = Get("action_token");
  Matrix x;
  std::vector<int64_t> mask;
  std::vector<size_t> positions;
  const size_t n = ids.size();
  switch (settings_.layout) {
    case PromptLayout::kHfProcessor: {
      x = words;
      for (size_t r = 0; r < image.rows; ++r) {
        for (size_t c = 0; c < image.columns; ++c) x.At(settings_.image_start + r, c) = image.At(r, c);
      }
      mask = prompt_mask;
      size_t real = 0;
      for (const int64_t id : ids) positions.push_back(id == 1 ? 1 : 1 + ++real);
      break;
    }
    case PromptLayout::kRobovlms:
      Append(x, words, 0, 1);
      Append(x, image, 0, image.rows);
      Append(x, words, 1, n - 1);
      Append(x, token, 0, 1);
      Append(x, words, n - 1, n);
      mask.push_back(prompt_mask[0]);
      mask.insert(mask.end(), image.rows, 1);
      mask.insert(mask.end(), prompt_mask.begin() + 1, prompt_mask.end() - 1);
      mask.push_back(1);
      mask.push_back(prompt_mask.back());
      break;
    case PromptLayout::kForkFallback:
      Append(x, image, 0, image.rows);
      Append(x, words, image.rows, n);
      Append(x, token, 0, 1);
      mask = prompt_mask;
      mask.push_back(1);
      break;
  }
  if (positions.empty()) {
    for (size_t t = 0; t < x.rows; ++t) positions.push_back(t + 2);
  }
  const Matrix hidden = Decode(x, positions, mask);

  std::vector<size_t> seen;
  for (size_t t = 0; t < mask.size(); ++t) {
    if (mask[t] == 1) seen.push_back(t);
  }
  switch (settings_.source) {
    case FeatureSource::kMeanHidden: {
      std::vector<double> mean(hidden.columns);
      for (const size_t t : seen) {
        for (size_t c = 0; c < mean.size(); ++c) mean[c] += hidden.At(t, c) / static_cast<double>(seen.size());
      }
      return mean;
    }
    case FeatureSource::kLastToken:
      return RowOf(hidden, seen.back());
    case FeatureSource::kFirstToken:
      return RowOf(hidden, 0);
    case FeatureSource::kActionToken:
      return RowOf(hidden, hidden.rows - (settings_.layout == PromptLayout::kForkFallback ? 1 : 2));
    case FeatureSource::kPooler:
      break;
  }
  return {};
}

std::vector<double> ReferencePolicy::Action(const std::vector<std::vector<double>>& features) const {
  std::vector<std::vector<double>> sequence = features;
  for (size_t layer = 0;; ++layer) {
    const std::string suffix = "_l" + std::to_string(layer);
    const Matrix w_ih = Get("rnn.weight_ih" + suffix);
    const Matrix w_hh = Get("rnn.weight_hh" + suffix);
    if (w_ih.rows == 0) break;
    const size_t hidden = w_hh.columns;
    std::vector<double> h(hidden);
    std::vector<double> c(hidden);
    for (std::vector<double>& x : sequence) {
      std::vector<double> z(4 * hidden);
      for (size_t row = 0; row < z.size(); ++row) {
        z[row] = Get("rnn.bias_ih" + suffix).At(0, row) + Get("rnn.bias_hh" + suffix).At(0, row);
        for (size_t i = 0; i < x.size(); ++i) z[row] += w_ih.At(row, i) * x[i];
        for (size_t i = 0; i < hidden; ++i) z[row] += w_hh.At(row, i) * h[i];
      }
      for (size_t i = 0; i < hidden; ++i) {  // input, forget, cell, output
        c[i] = Sigmoid(z[hidden + i]) * c[i] + Sigmoid(z[i]) * std::tanh(z[2 * hidden + i]);
        h[i] = Sigmoid(z[3 * hidden + i]) * std::tanh(c[i]);
      }
      x = h;
    }
  }
  Matrix x(1, sequence.back().size());
  x.values = sequence.back();
  std::vector<std::string> linears;
  for (size_t number = 0; number < 100; ++number) {
    const std::string module = settings_.head_name + ".mlp." + std::to_string(number);
    if (Get(module + ".weight").rows > 0) linears.push_back(module);
  }
  for (size_t i = 0; i < linears.size(); ++i) {
    const bool last = i + 1 == linears.size();
    x = Each(Linear(x, linears[i]), [&](double v) { return last ? std::tanh(v) : std::max(v, 0.0); });
  }
  return x.values;
}

}  // namespace vlaq::golden
