// The public tensor, with the words for its bytes that code inside has beside it.
#pragma once

#include "base/bytes.h"
#include "vlaq/tensor.h"
