// For GoogleTest older than 1.12 (Ubuntu 22.04), put before every test by cmake/modules.cmake: its container matchers
// ask for const_iterator, which C++20's span does not have. They see a vector of the same elements instead.
#pragma once

#include <gmock/gmock.h>

#include <span>
#include <type_traits>
#include <vector>

namespace testing::internal {

template <typename T, std::size_t kExtent>
class StlContainerView<std::span<T, kExtent>> {
 public:
  using type = std::vector<std::remove_cv_t<T>>;
  using const_reference = const type;
  static const_reference ConstReference(const std::span<T, kExtent>& span) { return type(span.begin(), span.end()); }
  static type Copy(const std::span<T, kExtent>& span) { return type(span.begin(), span.end()); }
};

}  // namespace testing::internal
