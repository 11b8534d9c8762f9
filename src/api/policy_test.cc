// The public API on a tiny real policy, and on a bundle that no family made.
#include "vlaq/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

TEST(PublicPolicy, Placeholder) {}
