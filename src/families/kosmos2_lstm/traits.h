// What this family's policies, which drive a mobile base past boxes, are told and do.
#pragma once

#include "families/traits.h"

namespace vlaq::families::kosmos2_lstm {

const Traits& OwnTraits();

}  // namespace vlaq::families::kosmos2_lstm
