// SPDX-License-Identifier: MIT
#include "tests/platform/platform_test.h"

const struct platform_slot_initial platform_slot_initial = {.unused = 1};
