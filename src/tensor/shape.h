// The public type.
#pragma once

#include "vlaq/shape.h"
