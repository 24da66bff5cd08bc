// SPDX-License-Identifier: MIT
// The smallest program that allocates: one chunk.
#include "memory.h"

int main(void)
{
    chunk_new(64);
    return 0;
}
