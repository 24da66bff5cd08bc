// SPDX-License-Identifier: MIT
#include "tests/core/random.h"

#include "tests/core/test.h"

#include <stdlib.h>

struct random random_seeded(uint64_t seed)
{
    const char *given = getenv("FT_TEST_SEED");
    if (given != NULL) {
        seed = strtoull(given, NULL, 0);
    }
    print_message("             FT_TEST_SEED=%llu\n", (unsigned long long)seed);
    return (struct random){.state = seed};
}
