// Documents that an earlier vlaq wrote, in the words of today.
#pragma once

#include <optional>
#include <string_view>

#include "base/json_fwd.h"

namespace vlaq::report {

// `document` with the keys, the names of ablations and the schema that this version writes: "vlaq.eval/1" as
// "vlaq.eval/2", "vlaq.verify/1" as "vlaq.verify/2". Any other document comes back as it is, and so does what is not
// as such a document has it, for whoever reads it to complain of.
Json InWordsOfToday(Json document);

// What an ablation that had this name is called; nullopt if none had.
std::optional<std::string_view> AblationOfToday(std::string_view was);

}  // namespace vlaq::report
