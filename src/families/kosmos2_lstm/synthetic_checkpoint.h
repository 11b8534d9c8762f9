// Writes a random-weight checkpoint of the Mobile VLA policy: the exact tensors, names and container of the original
// (best_simple_lstm_model.pth), so that the whole chain can be tried without it. It drives nobody anywhere.
//
// Deterministic: the bytes depend on the options and the file's name (the top folder inside the zip, as in PyTorch),
// not on threads. Streams: needs about 150 MB of memory for the 7 GB file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/log.h"
#include "base/output.h"
#include "base/status.h"
#include "families/kosmos2_lstm/synthetic_layout.h"

namespace vlaq::kosmos2_lstm {

struct CheckpointOptions {
  // What is written.
  Size size = Size::kMicro;
  uint64_t seed = 0;
  // Only {"model_state_dict": ...}, which torch.load(weights_only=True) accepts. Otherwise what the original's trainer
  // saves: epoch, Adam's moments for the head, val_mae and an argparse.Namespace, which that refuses.
  bool plain = false;

  // How.
  Existing existing = Existing::kRefuse;
  int threads = 0;  // 0: all of the machine
};

// Errors: kUsage if the file exists and may not be replaced, kInput if it cannot be written (disk full ...).
Status WriteCheckpoint(const std::filesystem::path& path, const CheckpointOptions& options, Log& log);

// transformers' Kosmos2Config of that size as JSON text.
std::string ConfigJson(Size size);
// What a checkpoint does not say: feature source, prompt layout, preprocessing, window, prompt; JSON text.
std::string PolicyJson(Size size);
// config.json and policy.json in `folder`, which must exist.
Status WriteSideFiles(const std::filesystem::path& folder, Size size, Existing existing);

}  // namespace vlaq::kosmos2_lstm
