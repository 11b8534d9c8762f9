// The JSON type's name without its definition.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace vlaq {
using Json = nlohmann::ordered_json;
}  // namespace vlaq
