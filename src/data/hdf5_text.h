// Text in HDF5: datasets and attributes of fixed or variable length, and any small attribute as text.
//
// Calls are made under an Hdf5Guard. Errors are kInput naming dataset or attribute.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/global_heap.h"
#include "data/hdf5_array.h"

namespace vlaq::data {

// The heap of an open file.
Result<GlobalHeap> OpenHeap(const Hdf5File& file, const std::filesystem::path& path);

// All strings of a dataset of text, in order. Errors also for other types and text above 64 KiB.
Result<std::vector<std::string>> ReadTexts(Hdf5Array& array, GlobalHeap& heap);

// The attributes of an object as text, by name: strings and single numbers; of anything else what it is, "(4 numbers)".
Result<std::vector<std::pair<std::string, std::string>>> ReadAttributes(hid_t object, GlobalHeap& heap);

// The attribute `name` of an object, `count` strings; nullopt if there is none, or it is of another type or length.
Result<std::optional<std::vector<std::string>>> ReadTextsOf(hid_t object, const std::string& name, uint64_t count,
                                                            GlobalHeap& heap);

}  // namespace vlaq::data
