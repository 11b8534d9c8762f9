#include "data/hdf5_rows.h"

#include <fmt/format.h>

#include <algorithm>

namespace vlaq::data {
namespace {

std::vector<hsize_t> Behind(hsize_t first, const std::vector<hsize_t>& row) {
  std::vector<hsize_t> dims{first};
  dims.insert(dims.end(), row.begin(), row.end());
  return dims;
}

Hdf5Space Space(const std::vector<hsize_t>& dims, const std::vector<hsize_t>& most) {
  return Hdf5Space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), most.data()));
}

Hdf5Properties ChunksOf(const RowsSpec& spec) {
  Hdf5Properties properties(H5Pcreate(H5P_DATASET_CREATE));
  const std::vector<hsize_t> chunk = Behind(spec.rows_per_chunk, spec.row);
  const bool done =
      properties.ok() && H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data()) >= 0 &&
      (spec.compression == 0 || H5Pset_deflate(properties.get(), static_cast<unsigned>(spec.compression)) >= 0);
  return done ? std::move(properties) : Hdf5Properties();
}

Hdf5Properties MakingFolders() {
  Hdf5Properties properties(H5Pcreate(H5P_LINK_CREATE));
  const bool done = properties.ok() && H5Pset_create_intermediate_group(properties.get(), 1) >= 0;
  return done ? std::move(properties) : Hdf5Properties();
}

Status WriteAttribute(hid_t object, const std::string& name, const Hdf5Space& space, hid_t type, const void* value) {
  const Hdf5Attribute attribute(H5Acreate2(object, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  if (attribute.ok() && H5Awrite(attribute.get(), type, value) >= 0) return {};
  return Hdf5Error(fmt::format("attribute '{}'", name), "write it");
}

}  // namespace

Result<Hdf5File> CreateHdf5(const std::filesystem::path& path) {
  Hdf5Properties access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  Hdf5File file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()));
  if (!file.ok()) return Hdf5Error("", "create it");
  return file;
}

Result<Hdf5Rows> Hdf5Rows::Create(const Hdf5File& file, RowsSpec spec) {
  const Hdf5Properties links = MakingFolders();
  const Hdf5Properties layout = ChunksOf(spec);
  const Hdf5Space none = Space(Behind(0, spec.row), Behind(H5S_UNLIMITED, spec.row));
  Hdf5Space one = Space(Behind(1, spec.row), Behind(1, spec.row));
  Hdf5Dataset dataset;
  if (links.ok() && layout.ok() && none.ok() && one.ok()) {
    dataset = Hdf5Dataset(
        H5Dcreate2(file.get(), spec.dataset.c_str(), spec.type, none.get(), links.get(), layout.get(), H5P_DEFAULT));
  }
  if (!dataset.ok()) return Hdf5Error(fmt::format("dataset '{}'", spec.dataset), "create it");
  return Hdf5Rows(std::move(spec), std::move(dataset), std::move(one));
}

Status Hdf5Rows::Append(hid_t memory_type, const void* row) {
  const std::vector<hsize_t> dims = Behind(count_ + 1, spec_.row);
  const std::vector<hsize_t> size = Behind(1, spec_.row);
  std::vector<hsize_t> start(dims.size(), 0);
  start[0] = count_;
  bool done = H5Dset_extent(dataset_.get(), dims.data()) >= 0;
  const Hdf5Space space(H5Dget_space(dataset_.get()));
  done = done && space.ok() &&
         H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr) >= 0 &&
         H5Dwrite(dataset_.get(), memory_type, one_row_.get(), space.get(), H5P_DEFAULT, row) >= 0;
  if (!done) return Hdf5Error(fmt::format("dataset '{}'", spec_.dataset), fmt::format("write row {}", count_));
  ++count_;
  return {};
}

Status Hdf5Rows::Close() {
  if (dataset_.Close()) return {};
  return Hdf5Error(fmt::format("dataset '{}'", spec_.dataset), "write it");
}

Status CloseAll(std::vector<Hdf5Rows>& rows, Hdf5File& file) {
  for (Hdf5Rows& each : rows) VLAQ_RETURN_IF_ERROR(each.Close());
  if (!file.Close()) return Hdf5Error("", "write it");
  return {};
}

Status WriteAttribute(hid_t object, const std::string& name, const std::string& text) {
  const Hdf5Type type = VariableText();
  const char* start = text.c_str();
  return WriteAttribute(object, name, Hdf5Space(H5Screate(H5S_SCALAR)), type.get(), static_cast<const void*>(&start));
}

Status WriteAttribute(hid_t object, const std::string& name, double value) {
  return WriteAttribute(object, name, Hdf5Space(H5Screate(H5S_SCALAR)), H5T_NATIVE_DOUBLE, &value);
}

Status WriteAttribute(hid_t object, const std::string& name, int64_t value) {
  return WriteAttribute(object, name, Hdf5Space(H5Screate(H5S_SCALAR)), H5T_NATIVE_INT64, &value);
}

Status WriteAttribute(hid_t object, const std::string& name, const std::vector<std::string>& texts) {
  const Hdf5Type type = VariableText();
  std::vector<const char*> starts;
  for (const std::string& text : texts) starts.push_back(text.c_str());
  const hsize_t count = starts.size();
  return WriteAttribute(object, name, Hdf5Space(H5Screate_simple(1, &count, nullptr)), type.get(),
                        static_cast<const void*>(starts.data()));
}

Hdf5Type VariableText() {
  Hdf5Type type(H5Tcopy(H5T_C_S1));
  const bool done =
      type.ok() && H5Tset_size(type.get(), H5T_VARIABLE) >= 0 && H5Tset_cset(type.get(), H5T_CSET_UTF8) >= 0;
  return done ? std::move(type) : Hdf5Type();
}

}  // namespace vlaq::data
