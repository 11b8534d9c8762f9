// The public type.
#pragma once

#include "vlaq/tensor.h"
