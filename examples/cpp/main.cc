// drive BUNDLE [TASK [FRAME.ppm...]]: prints the action for each picture. TASK "": the one the bundle was made with.
#include <vlaq/policy.h>

#include <cstdio>
#include <fstream>

namespace {

// A binary PPM file: "P6 WIDTH HEIGHT 255", one space, and the pixels. No name: a grey picture.
vlaq::Tensor ReadFrame(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  std::string magic;
  int64_t width = 64, height = 64, most = 255;
  const bool given = file >> magic >> width >> height >> most && magic == "P6" && file.ignore(1);
  vlaq::Tensor frame = vlaq::Tensor::Make(vlaq::DType::kU8, {height, width, 3});
  const std::span<uint8_t> pixels = frame.mutable_data<uint8_t>();
  if (!given) std::fill(pixels.begin(), pixels.end(), uint8_t{128});
  if (given) file.read(reinterpret_cast<char*>(pixels.data()), static_cast<std::streamsize>(pixels.size()));
  return frame;
}

int Fail(const vlaq::Error& error) {
  std::fprintf(stderr, "drive: %s\n", error.ToString().c_str());
  return static_cast<int>(error.code);
}

void Print(const char* what, const std::vector<vlaq::Feature>& features) {
  for (const vlaq::Feature& feature : features) {
    std::printf("%s %s, %s %s %s\n", what, feature.name.c_str(), std::string(vlaq::Name(feature.type)).c_str(),
                std::string(vlaq::DTypeName(feature.dtype)).c_str(), vlaq::ShapeText(feature.shape).c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  auto policy = vlaq::Policy::Open(arguments.empty() ? "bundle" : arguments[0]);
  if (!policy.ok()) return Fail(policy.error());
  Print("observes", policy->inputs());
  Print("gives", policy->outputs());
  std::printf("%s\n", policy->Describe().c_str());
  if (arguments.size() > 1 && !arguments[1].empty()) {
    if (const vlaq::Status told = policy->Reset(arguments[1]); !told.ok()) return Fail(told.error());
  }
  for (size_t t = 0; t + 2 < std::max<size_t>(arguments.size(), 3); ++t) {
    vlaq::Observation observation;
    for (const vlaq::Feature& input : policy->inputs()) {
      if (input.type == vlaq::FeatureType::kImage) {
        observation[input.name] = ReadFrame(t + 2 < arguments.size() ? arguments[t + 2] : "");
      } else if (input.type == vlaq::FeatureType::kState) {  // a robot that has not moved yet
        observation[input.name] = vlaq::Tensor::Make(input.dtype, input.shape);
      }
    }
    const auto action = policy->Act(observation);
    if (!action.ok()) return Fail(action.error());
    std::printf("%zu", t);
    for (const float value : action->data<float>()) std::printf(" %+.6f", static_cast<double>(value));
    std::printf("\n");
  }
}
