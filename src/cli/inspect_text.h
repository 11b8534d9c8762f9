// An inspect document for people.
#pragma once

#include <string>

#include "base/json_fwd.h"

namespace vlaq::cli {

std::string InspectText(const Json& document);

}  // namespace vlaq::cli
