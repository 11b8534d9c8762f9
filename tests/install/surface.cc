// Uses every function that the public headers declare and do not define: it links only if libvlaq.so shows them all.
#include <vlaq/bytes.h>
#include <vlaq/dtype.h>
#include <vlaq/policy.h>
#include <vlaq/shape.h>
#include <vlaq/status.h>
#include <vlaq/tensor.h>

#include <cstdio>

namespace {

int Failed(const char* what) {
  std::printf("surface: %s\n", what);
  return 1;
}

// Never called: a bundle would be needed.
[[maybe_unused]] void UsePolicy(vlaq::Policy& policy, const vlaq::Observation& observation) {
  policy.Reset();
  std::printf("%d\n", policy.Reset("go").ok());
  std::printf("%d\n", policy.ResetTokens({}).ok());
  std::printf("%s\n", policy.task().complaint.c_str());
  std::printf("%d\n", policy.follows_instructions());
  std::printf("%d\n", policy.Step(observation).ok());
  std::printf("%d\n", policy.Act(observation).ok());
  std::printf("%d\n", policy.Prepare(policy.Blank()).ok());
  std::printf("%d\n", policy.Run({}).ok());
  std::printf("%zu %zu\n", policy.inputs().size(), policy.outputs().size());
  std::printf("%s %f %s\n", policy.schedule().c_str(), policy.control_period_s(), policy.Describe().c_str());
  vlaq::Policy other = std::move(policy);
  policy = std::move(other);
}

}  // namespace

int main(int argc, char**) {
  const vlaq::Shape shape{2, 3};
  const auto tensor = vlaq::Tensor::From<float>(shape, std::vector<float>{1, 2, 3, 4, 5, 6});
  const auto view = vlaq::Tensor::View(vlaq::DType::kF32, {6}, tensor.bytes(), nullptr);
  if (view.Reshaped({3, 2}).data<float>()[5] != 6) return Failed("tensors");
  if (tensor.Row(1).data<float>()[2] != 6) return Failed("rows of tensors");
  vlaq::Tensor assigned;
  assigned.Assign(vlaq::DType::kF32, shape, tensor.bytes(), tensor.owner());
  if (assigned.data<float>()[5] != 6) return Failed("assigned tensors");
  if (vlaq::Tensor::Make(vlaq::DType::kU8, {4}).size() != 4) return Failed("new tensors");
  if (vlaq::ElementCount(shape) != 6 || vlaq::ByteCount(vlaq::DType::kF32, shape) != 24U) return Failed("counts");
  if (vlaq::RowMajorStrides(shape) != vlaq::Shape{3, 1} || vlaq::ShapeText(shape) != "[2, 3]") return Failed("shapes");
  if (vlaq::FindDType(vlaq::DTypeName(vlaq::DType::kBF16)) != vlaq::DType::kBF16) return Failed("types by name");
  if (vlaq::DTypeBits(vlaq::DType::kF16) != 16 || !vlaq::IsFloat(vlaq::DType::kF16)) return Failed("types");
  if (vlaq::Name(vlaq::FeatureType::kImage) != "image") return Failed("features");
  const vlaq::Feature feature{"action", vlaq::FeatureType::kAction, vlaq::DType::kF32, {2}, {"x"}, {"m/s"}};
  if (feature.Describe() != "action, action float32 [2]: x (m/s)") return Failed("features as text");
  if (feature.NameOf(1) != "action[1]" || feature.UnitOf(0) != "m/s") return Failed("values of features");
  if (vlaq::ReadImage("/no/such/image.png").ok()) return Failed("no image");
  if (vlaq::ReadFeatures("/no/such/bundle").ok()) return Failed("features of no bundle");
  auto policy = vlaq::Policy::Open("/no/such/bundle");
  if (policy.ok() || policy.error().ToString().find("/no/such/bundle") == std::string::npos) return Failed("errors");
  if (argc > 9) UsePolicy(*policy, {});
  return 0;
}
