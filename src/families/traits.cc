#include "families/traits.h"

#include "families/kosmos2_lstm/traits.h"

namespace vlaq::families {

const Traits& TraitsOf(std::string_view family) {
  static const Traits none;
  return family == "kosmos2_lstm" ? kosmos2_lstm::OwnTraits() : none;
}

}  // namespace vlaq::families
