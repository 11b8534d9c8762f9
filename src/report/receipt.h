// The verdict of a receipt (vlaq.verify/2), made again from its checks: a receipt is a text that anybody can write, and
// one that contradicts itself is no evidence.
#pragma once

#include <string>
#include <vector>

#include "base/json_field.h"
#include "report/page.h"

namespace vlaq::report {

struct Receipt {
  enum class Word { kVerified, kIntact, kFailed, kInconsistent } word = Word::kInconsistent;
  Cell verdict;                       // "verified, except kernels"
  std::string why;                    // "compared with recorded episodes; 21 checks passed; ..."
  std::string brief;                  // of that what matters most: "compared with recorded episodes"
  std::vector<std::string> unproven;  // settings that were assumed and that nothing proved: "action_scale 0.6"
};

// Also of receipts of older versions, which do not say their grounds: what they were held against stands in "against",
// "golden" and "reference".
Receipt ReadReceipt(const JsonField& root);

}  // namespace vlaq::report
