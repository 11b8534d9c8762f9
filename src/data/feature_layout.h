// Which datasets of an HDF5 file are which features: ACT's and ALOHA's names, and our own, where a dataset of the
// file's root has the name of its feature ("observation.images.top").
//
// Calls are made under an Hdf5Guard. Errors are kInput naming the group; the caller adds the file.
#pragma once

#include <string>
#include <vector>

#include "data/hdf5_file.h"

namespace vlaq::data {

struct FeatureDataset {
  std::string feature;  // "observation.state"
  std::string dataset;  // "observations/qpos"
};

// In the order of their features, the action last; empty if the file's root has neither "observations" nor a name that
// begins with "observation."; time stamps (hdf5_times.h) are no feature. Errors also: two datasets of one feature; no
// action; groups that are links to elsewhere, or of more than 1000 names.
Result<std::vector<FeatureDataset>> FindFeatures(const Hdf5File& file);

}  // namespace vlaq::data
