// drive BUNDLE [TASK [FRAME.ppm...]]: prints the action for each picture. TASK "": the one the bundle was made with.
#include <vlaq/policy.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace {

int Fail(const vlaq::Error& error) {
  std::fprintf(stderr, "drive: %s\n", error.ToString().c_str());
  return static_cast<int>(error.code);
}

vlaq::Tensor GreyFrame() {
  vlaq::Tensor frame = vlaq::Tensor::Make(vlaq::DType::kU8, {48, 64, 3});
  std::ranges::fill(frame.mutable_data<uint8_t>(), uint8_t{128});
  return frame;
}

// A binary PPM file: "P6 WIDTH HEIGHT 255", one space, and the pixels.
vlaq::Result<vlaq::Tensor> ReadFrame(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  std::string magic;
  int64_t width = 0, height = 0, most = 0;
  file >> magic >> width >> height >> most;
  if (magic == "P6" && most == 255 && std::min(width, height) > 0 && std::max(width, height) <= 8192 &&
      file.ignore(1)) {
    vlaq::Tensor frame = vlaq::Tensor::Make(vlaq::DType::kU8, {height, width, 3});
    const auto pixels = frame.mutable_bytes();
    if (file.read(reinterpret_cast<char*>(pixels.data()), static_cast<std::streamsize>(pixels.size()))) return frame;
  }
  return vlaq::Error{vlaq::ErrorCode::kInput, "no picture of the form P6 with 8 bits a color", name, ""};
}

void Print(const char* what, const std::vector<vlaq::Feature>& features) {
  for (const vlaq::Feature& feature : features) {
    std::printf("%s %s, %s %s %s\n", what, feature.name.c_str(), std::string(vlaq::Name(feature.type)).c_str(),
                std::string(vlaq::DTypeName(feature.dtype)).c_str(), vlaq::ShapeText(feature.shape).c_str());
  }
}

// A frame for each camera, and for each state that of a robot which has not moved yet.
vlaq::Observation Observe(const vlaq::Policy& policy, const vlaq::Tensor& frame) {
  vlaq::Observation observation;
  for (const vlaq::Feature& input : policy.inputs()) {
    if (input.type == vlaq::FeatureType::kImage) observation[input.name] = frame;
    vlaq::Shape shape = input.shape;
    std::ranges::replace_if(
        shape, [](int64_t extent) { return extent < 0; }, 1);  // any extent
    if (input.type == vlaq::FeatureType::kState) observation[input.name] = vlaq::Tensor::Make(input.dtype, shape);
  }
  return observation;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return Fail({vlaq::ErrorCode::kUsage, "no bundle", "", "drive BUNDLE [TASK [FRAME.ppm...]]"});
  auto policy = vlaq::Policy::Open(argv[1]);
  if (!policy.ok()) return Fail(policy.error());
  Print("observes", policy->inputs());
  Print("gives", policy->outputs());
  std::printf("%s\n", policy->Describe().c_str());
  if (argc > 2 && *argv[2] != '\0') {
    if (const vlaq::Status told = policy->Reset(argv[2]); !told.ok()) return Fail(told.error());
  }
  for (int t = 0; t < std::max(argc - 3, 1); ++t) {
    const auto frame = argc > 3 ? ReadFrame(argv[t + 3]) : vlaq::Result(GreyFrame());
    if (!frame.ok()) return Fail(frame.error());
    const auto action = policy->Act(Observe(*policy, *frame));
    if (!action.ok()) return Fail(action.error());
    std::printf("%d", t);
    for (const float value : action->data<float>()) std::printf(" %+.6f", static_cast<double>(value));
    std::printf("\n");
  }
}
