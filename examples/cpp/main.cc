// drive BUNDLE [TASK [IMAGE...]]: prints the action for each PNG or JPEG file, which every camera is shown. TASK "":
// the one the bundle was made with. Without images: one step of nothing.
#include <vlaq/policy.h>

#include <cstdio>

int Fail(const vlaq::Error& error) {
  std::fprintf(stderr, "drive: %s\n", error.ToString().c_str());
  return static_cast<int>(error.code);
}

int main(int argc, char** argv) {
  if (argc < 2) return Fail({vlaq::ErrorCode::kUsage, "no bundle", "", "drive BUNDLE [TASK [IMAGE...]]"});
  auto policy = vlaq::Policy::Open(argv[1]);
  if (!policy.ok()) return Fail(policy.error());
  for (const vlaq::Feature& input : policy->inputs()) std::printf("observes %s\n", input.Describe().c_str());
  for (const vlaq::Feature& output : policy->outputs()) std::printf("gives %s\n", output.Describe().c_str());
  std::printf("%s\n", policy->Describe().c_str());
  if (argc > 2 && *argv[2] != '\0') {
    if (const vlaq::Status told = policy->Reset(argv[2]); !told.ok()) return Fail(told.error());
  }
  vlaq::Observation observation = policy->Blank();  // a robot's states go in here, too
  for (int t = 0; t == 0 || t + 3 < argc; ++t) {
    for (const vlaq::Feature& input : policy->inputs()) {
      if (input.type != vlaq::FeatureType::kImage || argc < 4) continue;
      auto image = vlaq::ReadImage(argv[t + 3]);
      if (!image.ok()) return Fail(image.error());
      observation[input.name] = *image;
    }
    const auto action = policy->Act(observation);
    if (!action.ok()) return Fail(action.error());
    std::printf("%d", t);
    for (size_t i = 0; i < action->data<float>().size(); ++i) {
      const vlaq::Feature& output = policy->outputs().front();
      std::printf("  %s %+.6f %s", output.NameOf(i).c_str(), static_cast<double>(action->data<float>()[i]),
                  output.UnitOf(i).c_str());
    }
    std::printf("\n");
  }
}
