// Views of raw bytes.
#pragma once

#include <cstddef>
#include <span>

namespace vlaq {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

}  // namespace vlaq
