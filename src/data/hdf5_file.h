// The boundary of the HDF5 library: handles that close themselves, a guard around its calls, its reasons as text.
//
// The library has one lock for all threads and one error stack for each, and prints that stack to stderr unless told
// not to. Every function of this module that calls it holds an Hdf5Guard; handles take one to close.
#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

#include "base/status.h"

namespace vlaq::data {

// Only one thread is inside HDF5 while one of these lives, and nothing is printed. May be taken twice.
class Hdf5Guard {
 public:
  Hdf5Guard();

 private:
  std::lock_guard<std::recursive_mutex> lock_;
};

template <herr_t (*kClose)(hid_t)>
class Hdf5Handle {
 public:
  Hdf5Handle() = default;
  explicit Hdf5Handle(hid_t id) : id_(id) {}
  ~Hdf5Handle() { static_cast<void>(Close()); }
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, kNone)) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }

  bool ok() const { return id_ >= 0; }
  hid_t get() const { return id_; }
  // False if the library could not write what it still held.
  bool Close() {
    if (!ok()) return true;
    const Hdf5Guard guard;
    return kClose(std::exchange(id_, kNone)) >= 0;
  }

 private:
  static constexpr hid_t kNone = -1;
  hid_t id_ = kNone;
};

using Hdf5File = Hdf5Handle<H5Fclose>;
using Hdf5Object = Hdf5Handle<H5Oclose>;
using Hdf5Dataset = Hdf5Handle<H5Dclose>;
using Hdf5Space = Hdf5Handle<H5Sclose>;
using Hdf5Type = Hdf5Handle<H5Tclose>;
using Hdf5Attribute = Hdf5Handle<H5Aclose>;
using Hdf5Properties = Hdf5Handle<H5Pclose>;

// The innermost reason of the failure that this thread met last, and forgets it. Empty if there is none.
std::string Hdf5Reason();

// kInput: "where: cannot <doing> (reason)". For a call that has just failed.
Error Hdf5Error(std::string where, std::string_view doing, std::string advice = "");

}  // namespace vlaq::data
