// SPDX-License-Identifier: MIT
// Allocates 1024 chunks of 1024 bytes and touches each: the page faults that a million bytes cost.
//
//   program nothing    the same program, its loop never entered
//   program keep       all stay live
//   program free       each is freed before the next one is asked for
#include "bench.d/micro/workload.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_COUNT = 1024, CHUNK_BYTES = 1024 };

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "nothing";
    int frees = strcmp(mode, "free") == 0;
    int count = strcmp(mode, "nothing") == 0 ? 0 : CHUNK_COUNT;
    for (int i = 0; i < count; i++) {
        void *chunk = malloc(CHUNK_BYTES);
        if (chunk == NULL) {
            return 1;
        }
        touch(chunk);
        if (frees) {
            free(chunk);
        }
    }
    return 0;
}
