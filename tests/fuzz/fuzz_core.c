// SPDX-License-Identifier: MIT
// ft_core on any program of operations. The input is a setup of eight bytes and then operations of two to
// five bytes: which one, the heap and the slot, a size (tests/model/generate_fuzz.c). The player of
// tests/model makes the calls and holds every answer against its model; in the end everything is audited
// and freed.
#include "tests/model/case.h"
#include "tests/model/generate.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPERATIONS_MAX = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model model;
    static struct case_totals totals;
    if (model_on_finding == NULL) {
        model_init(&model);
        model_on_finding = abort; // which a fuzzer notices, and keeps the input
    }
    struct fuzz_bytes bytes = {.at = data, .end = data + size};
    struct setup setup = generate_fuzz_setup(&bytes);
    if (!model_begin(&model, &setup)) {
        totals.too_small++;
        return 0;
    }
    struct op op;
    for (unsigned count = 0; count < OPERATIONS_MAX; count++) {
        if (!generate_fuzz_op(&bytes, &model, &op)) {
            break;
        }
        model_play(&model, &op);
    }
    model_end(&model);
    totals.cases++;
    return 0;
}
