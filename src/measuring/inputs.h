// Frames ready for the vision tower, in a file that every subject of a benchmark reads alike.
#pragma once

#include <filesystem>

#include "base/status.h"
#include "image/frames.h"
#include "image/preprocess.h"
#include "tensor/tensor.h"

namespace vlaq::measuring {

// pixel_values float32 [count, 3, S, S]: the first `count` frames, and from the first again if there are fewer.
// Errors: those of reading a frame.
Result<Tensor> PixelValues(const image::FrameSource& frames, const image::PreprocessSpec& preprocess, int count);
// The same shape from seeded noise over the range that normalised pixels have.
Tensor NoiseFrames(int64_t image_size, int count, uint64_t seed);

// Writes a safetensors file with one tensor, "pixel_values". Errors: kInput with the system's reason.
Status WriteInputs(const std::filesystem::path& path, const Tensor& pixel_values);
// Errors: kInput if the file holds no such float32 [N, 3, S, S].
Result<Tensor> ReadInputs(const std::filesystem::path& path);

}  // namespace vlaq::measuring
