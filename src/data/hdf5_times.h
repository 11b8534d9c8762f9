// The dataset of an episode's time stamps: where it lies, how it is read and made. What the numbers mean: timing.h.
// Calls are made under an Hdf5Guard; errors are kInput naming the dataset, the caller adds the file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "data/hdf5_episode.h"
#include "data/hdf5_rows.h"
#include "data/layout.h"
#include "data/timing.h"

namespace vlaq::data {

// "timestamp", as LeRobot says and we write; "timestamps".
bool IsTimesName(std::string_view name);

// When the `length` steps were, by a dataset of that name in the root or, in the layout of features, among the
// observations: [T] or [T, 1], floats or integers, with its unit as the attribute `units`. Time stamps that cannot be
// used are no error: they are what is wrong with the timing.
Timing ReadTiming(const Hdf5Source& source, Layout layout, int64_t length, const std::optional<StatedRate>& stated);

// The last value of such a dataset, and the check of the next.
class TimesWriter {
 public:
  // [T] float64 in seconds.
  static Result<Hdf5Rows> Create(const Hdf5File& file, int compression);

  // `seconds` must be there if `wanted`, finite and above those of the step before, and not be there otherwise. Errors:
  // kUsage.
  Status Check(bool wanted, const std::optional<double>& seconds) const;
  Status Append(double seconds, Hdf5Rows& rows);

 private:
  std::optional<double> last_;
};

}  // namespace vlaq::data
