// A page in its three forms. Pure.
#pragma once

#include <string>

#include "report/page.h"

namespace vlaq::report {

// One file without scripts that loads nothing: plots are inline SVG, pictures are in it.
std::string Html(const Page& page);

// For pull requests: tables, and the tables behind the plots folded away. Pictures are named, not shown.
std::string Markdown(const Page& page);

// For a terminal: the title, and what most readers ask with the answers.
std::string SummaryText(const Page& page);

}  // namespace vlaq::report
