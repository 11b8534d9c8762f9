// A growing HDF5 dataset [T, ...] that takes one row after the other, compressed. Used by the episode writer.
// Calls are made under an Hdf5Guard.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/hdf5_file.h"

namespace vlaq::data {

// A new file, in place of any. Errors: kInput; the caller adds the file.
Result<Hdf5File> CreateHdf5(const std::filesystem::path& path);

struct RowsSpec {
  std::string dataset;         // "images"; folders of the name are made
  hid_t type = -1;             // of an element in the file; the caller keeps it open
  std::vector<hsize_t> row;    // shape of one row; empty for scalars
  hsize_t rows_per_chunk = 1;  // each chunk is compressed by itself
  int compression = 4;         // gzip, 0 to 9
};

class Hdf5Rows {
 public:
  // Errors: kInput naming the dataset; the caller adds the file.
  static Result<Hdf5Rows> Create(const Hdf5File& file, RowsSpec spec);

  // `row` holds one row of elements of `memory_type`.
  Status Append(hid_t memory_type, const void* row);
  // Writes out what is still in memory.
  Status Close();

  hid_t id() const { return dataset_.get(); }

 private:
  Hdf5Rows(RowsSpec spec, Hdf5Dataset dataset, Hdf5Space one_row)
      : spec_(std::move(spec)), dataset_(std::move(dataset)), one_row_(std::move(one_row)) {}

  RowsSpec spec_;
  Hdf5Dataset dataset_;
  Hdf5Space one_row_;
  hsize_t count_ = 0;
};

// Closes datasets and their file, so that what could not be written is noticed. Errors: kInput; the caller adds the
// file.
Status CloseAll(std::vector<Hdf5Rows>& rows, Hdf5File& file);

// Attributes of an object (a file, a dataset). Errors: kInput naming the attribute.
Status WriteAttribute(hid_t object, const std::string& name, const std::string& text);
Status WriteAttribute(hid_t object, const std::string& name, double value);
Status WriteAttribute(hid_t object, const std::string& name, int64_t value);
Status WriteAttribute(hid_t object, const std::string& name, const std::vector<std::string>& texts);

// Text of any length, UTF-8.
Hdf5Type VariableText();

}  // namespace vlaq::data
