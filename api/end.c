// SPDX-License-Identifier: MIT
// The process's end: what options want to be told of it, in this order. Runs after the program's own handlers of exit(),
// and not at all if it ends otherwise.
#include "api/global.h"
#include "api/stats.h"
#include "api/watch.h"

__attribute__((destructor)) static void end(void)
{
    if (global.options.stats == STATS_EXIT) {
        stats_end_of_process();
    }
    watch_end();
}
