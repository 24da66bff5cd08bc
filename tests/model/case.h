// SPDX-License-Identifier: MIT
// A case: a setup and its operations, chosen by a seed or read from a list.
#ifndef FT_TESTS_MODEL_CASE_H
#define FT_TESTS_MODEL_CASE_H

#include "tests/model/model.h"

// What cases did, added up.
struct case_totals {
    uint64_t cases;
    uint64_t too_small; // cases whose region was refused
    uint64_t operations;
    uint64_t refused;
    uint64_t misuses;
    uint64_t audits;
};

// Where a case writes down what it does, so that its parent knows after its end.
struct case_record {
    struct setup setup;
    size_t room;
    size_t count;
    struct op ops[];
};

// Plays the case of a setup. record: NULL, or gets every operation before it is played; operations beyond
// its room are not noted.
void case_play(struct model *model, const struct setup *setup, struct case_record *record,
               struct case_totals *totals);

// Plays a list, and then, like every case, looks at everything and frees it.
void case_replay(struct model *model, const struct setup *setup, const struct op *ops, size_t count,
                 struct case_totals *totals);

#endif
