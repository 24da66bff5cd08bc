// SPDX-License-Identifier: MIT
// mallopt: what of glibc's parameters has a meaning here sets the arena's configuration under the lock; what is without
// one is accepted where glibc accepts it.
#include "api/export.h"
#include "api/ft_malloc.h"
#include "api/global.h"

// glibc's numbers of the parameters (its malloc.h).
enum parameter {
    PARAMETER_MXFAST = 1,
    PARAMETER_NLBLKS = 2,
    PARAMETER_GRAIN = 3,
    PARAMETER_KEEP = 4,
    PARAMETER_TRIM_THRESHOLD = -1,
    PARAMETER_TOP_PAD = -2,
    PARAMETER_MMAP_THRESHOLD = -3,
    PARAMETER_MMAP_MAX = -4,
    PARAMETER_CHECK_ACTION = -5,
    PARAMETER_PERTURB = -6,
    PARAMETER_ARENA_TEST = -7,
    PARAMETER_ARENA_MAX = -8,
};

enum {
    MXFAST_MAX = 80 * sizeof(size_t) / 4, // glibc's
    // Smaller chunks come from zones; the first of a class as runs, which are cheaper than mappings.
    RUN_BYTES_LEAST = SIZE_CLASS_SMALL_MAX,
};

// With the lock held. A negative value is -1, which means that nothing goes back: more than there can be is kept. Not
// SIZE_MAX, which is said when an arena begins or never: heaps are laid out by it.
static void keep(int bytes)
{
    global_keep(bytes < 0 ? SIZE_MAX / 2 : (size_t)bytes);
}

// With the lock held. Chunks above get a mapping of their own. False for what sections could not serve.
static bool map_above(int bytes)
{
    if (bytes < 0 || bytes > GLOBAL_RUN_BYTES_MAX) {
        return false;
    }
    size_t least = RUN_BYTES_LEAST;
    global.arena.config.run_bytes_max = (size_t)bytes > least ? (size_t)bytes : least;
    return true;
}

static int set(int parameter, int value)
{
    switch (parameter) {
    case PARAMETER_TRIM_THRESHOLD: keep(value); return 1;
    case PARAMETER_MMAP_THRESHOLD: return map_above(value);
    case PARAMETER_MXFAST: return value >= 0 && value <= MXFAST_MAX;
    case PARAMETER_NLBLKS:
    case PARAMETER_GRAIN:
    case PARAMETER_KEEP:
    case PARAMETER_TOP_PAD:
    case PARAMETER_MMAP_MAX:
    case PARAMETER_CHECK_ACTION:
    case PARAMETER_PERTURB:
    case PARAMETER_ARENA_TEST:
    case PARAMETER_ARENA_MAX: return 1;
    default: return 0;
    }
}

EXPORT int mallopt(int parameter, int value)
{
    global_lock();
    int is_set = set(parameter, value);
    global_unlock();
    return is_set;
}
