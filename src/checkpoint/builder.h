// How the readers fill a Checkpoint; private to this module.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_header.h"

namespace vlaq::checkpoint {

struct CheckpointBuilder {
  explicit CheckpointBuilder(std::filesystem::path path);

  void set_format(Format format) { checkpoint->format_ = format; }
  std::string& container() { return checkpoint->container_; }
  std::vector<Entry>& entries() { return checkpoint->entries_; }
  std::vector<Storage>& storages() { return checkpoint->storages_; }
  std::vector<Extra>& extras() { return checkpoint->extras_; }
  std::vector<std::string>& other_state_dicts() { return checkpoint->other_state_dicts_; }
  std::string& settings() { return checkpoint->settings_; }
  std::vector<std::shared_ptr<const MappedFile>>& files() { return checkpoint->files_; }
  std::string where() const { return checkpoint->path_.string(); }

  // Sorts the names. Errors: kInput if one occurs twice.
  Result<std::shared_ptr<const Checkpoint>> Finish();

  std::shared_ptr<Checkpoint> checkpoint;
};

// One per format; the checkpoint's first file is already mapped.
Status ReadPth(const OpenOptions& options, CheckpointBuilder& builder);
Status ReadSafetensors(CheckpointBuilder& builder);
Status ReadShardedSafetensors(CheckpointBuilder& builder);

// Appends the tensors of one safetensors file, builder.files()[file].
void AddSafetensors(SafetensorsHeader header, size_t file, CheckpointBuilder& builder);

}  // namespace vlaq::checkpoint
