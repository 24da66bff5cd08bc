// SPDX-License-Identifier: MIT
// Chooses operations: by chance from a seed, with an eye on the model, so that most of them do something;
// or as the bytes of a fuzzer say.
#ifndef FT_TESTS_MODEL_GENERATE_H
#define FT_TESTS_MODEL_GENERATE_H

#include "tests/core/random.h"
#include "tests/model/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generator {
    struct random random;
    uint64_t next_audit;
    uint64_t next_rare;
};

void generate_begin(struct generator *generator, const struct setup *setup);

// The operation for the model's next step.
struct op generate_next(struct generator *generator, const struct model *model);

// A byte string that is read from its start.
struct fuzz_bytes {
    const uint8_t *at;
    const uint8_t *end;
};

// What the next bytes say: first the setup, then operations. False at the end.
struct setup generate_fuzz_setup(struct fuzz_bytes *bytes);
bool generate_fuzz_op(struct fuzz_bytes *bytes, const struct model *model, struct op *op);

#endif
