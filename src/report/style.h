// The page's style sheet: light, dark, narrow and paper. The classes of plots are explained in svg.h and page.h.
#pragma once

#include <string_view>

namespace vlaq::report {

std::string_view StyleSheet();

}  // namespace vlaq::report
