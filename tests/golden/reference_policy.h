// The whole forward pass of kosmos2_lstm once more: loops over double, written from docs/kosmos2_lstm.md alone. It
// shares no code with the exporter or with any back end, so that a mistake would have to be made twice. Slow; for tiny
// policies.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "families/kosmos2_lstm/policy_spec.h"
#include "tensor/tensor.h"

namespace vlaq::golden {

struct Matrix {
  size_t rows = 0;
  size_t columns = 0;
  std::vector<double> values;

  Matrix() = default;
  Matrix(size_t r, size_t c) : rows(r), columns(c), values(r * c) {}
  double& At(size_t r, size_t c) { return values[r * columns + c]; }
  double At(size_t r, size_t c) const { return values[r * columns + c]; }
};

struct ReferenceSettings {
  std::string backbone, head;  // prefixes
  std::string head_name = "actions";
  size_t text_heads = 1;
  size_t vision_heads = 1;
  size_t patch = 1;
  double text_epsilon = 1e-5;
  double vision_epsilon = 1e-5;
  kosmos2_lstm::FeatureSource source = kosmos2_lstm::FeatureSource::kMeanHidden;
  kosmos2_lstm::PromptLayout layout = kosmos2_lstm::PromptLayout::kHfProcessor;
  size_t image_start = 2;
};

class ReferencePolicy {
 public:
  // float32 tensors under the names of a checkpoint.
  ReferencePolicy(const std::map<std::string, Tensor>& tensors, ReferenceSettings settings);

  // pixels [3, S, S]; ids and mask of one prompt. The feature of one frame.
  std::vector<double> Feature(const Tensor& pixels, const std::vector<int64_t>& ids,
                              const std::vector<int64_t>& mask) const;
  // The action, [chunk x action_dim], after these features, the oldest first.
  std::vector<double> Action(const std::vector<std::vector<double>>& features) const;

 private:
  Matrix Get(const std::string& name) const;  // vectors as one row; more axes as [first, rest]
  Matrix Linear(const Matrix& x, const std::string& module) const;
  Matrix Norm(const Matrix& x, const std::string& module, double epsilon) const;
  // visible[q][k]: whether query q may look at key k; empty: everywhere.
  Matrix Attend(const Matrix& queries, const Matrix& keys, const std::string& module, size_t heads,
                const std::vector<std::vector<bool>>& visible, const std::string& inner_norm) const;

  Matrix Vision(const Tensor& pixels) const;
  Matrix ImageRows(const Matrix& vision) const;
  Matrix Decode(Matrix embeddings, const std::vector<size_t>& positions, const std::vector<int64_t>& mask) const;

  std::map<std::string, Matrix> weights_;
  ReferenceSettings settings_;
};

}  // namespace vlaq::golden
