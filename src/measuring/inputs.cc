#include "measuring/inputs.h"

#include "base/random.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_writer.h"

namespace vlaq::measuring {
namespace {

constexpr std::string_view kName = "pixel_values";

}  // namespace

Result<Tensor> PixelValues(const image::FrameSource& frames, const image::PreprocessSpec& preprocess, int count) {
  VLAQ_ASSIGN_OR_RETURN(image::Preprocessor preprocessor, image::Preprocessor::Make(preprocess));
  const int64_t side = preprocess.image_size;
  Tensor pixels = Tensor::Make(DType::kF32, {count, 3, side, side});
  const auto all = pixels.mutable_data<float>();
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    VLAQ_ASSIGN_OR_RETURN(const image::Frame frame, frames.Read(i % frames.size()));
    VLAQ_RETURN_IF_ERROR(preprocessor.Run(frame.pixels, all.subspan(i * preprocessor.size(), preprocessor.size())));
  }
  return pixels;
}

Tensor NoiseFrames(int64_t image_size, int count, uint64_t seed) {
  Tensor pixels = Tensor::Make(DType::kF32, {count, 3, image_size, image_size});
  Random random(seed, 0xF4A3);
  for (float& x : pixels.mutable_data<float>()) x = static_cast<float>(random.Uniform(-1.8, 2.1));
  return pixels;
}

Status WriteInputs(const std::filesystem::path& path, const Tensor& pixel_values) {
  return checkpoint::WriteSafetensors(path, {{std::string(kName), pixel_values}});
}

Result<Tensor> ReadInputs(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, checkpoint::Checkpoint::Open(path));
  const checkpoint::Entry* entry = file->Find(kName);
  const bool fits = entry != nullptr && entry->dtype == DType::kF32 && entry->shape.size() == 4 &&
                    entry->shape[0] > 0 && entry->shape[1] == 3 && entry->shape[2] == entry->shape[3];
  if (!fits) return InputError(path.string(), "holds no pixel_values of float32 [frames, 3, S, S]");
  return file->Read(*entry);
}

}  // namespace vlaq::measuring
