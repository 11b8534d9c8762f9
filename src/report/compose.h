// A page of documents. Pure, but for the pictures that a document names.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "report/document.h"
#include "report/page.h"

namespace vlaq::report {

// Every kind of document that a report can show, in words: "results of vlaq bench (vlaq.results/1)".
std::vector<std::string> KnownKinds();

// Without a `title` the page has that of the verdict, which else is its first line. Errors: kInput naming the file and
// the member: of an unknown kind, or damaged.
Result<Page> Compose(const std::vector<Document>& documents, const std::string& title);

}  // namespace vlaq::report
