// The public type.
#pragma once

#include "vlaq/dtype.h"
