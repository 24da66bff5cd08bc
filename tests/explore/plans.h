// SPDX-License-Identifier: MIT
// The scenarios of the core.
#ifndef FT_TESTS_EXPLORE_PLANS_H
#define FT_TESTS_EXPLORE_PLANS_H

#include "tests/explore/kit.h"

extern const struct kit_plan plans[];
extern const unsigned plan_count;

#endif
