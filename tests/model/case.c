// SPDX-License-Identifier: MIT
#include "tests/model/case.h"

#include "tests/model/generate.h"

static void add_up(const struct model *model, struct case_totals *totals)
{
    totals->cases++;
    totals->operations += model->op_count;
    totals->refused += model->refused_count;
    totals->misuses += model->misuse_count;
    totals->audits += model->audit_count;
}

void case_play(struct model *model, const struct setup *setup, struct case_record *record,
               struct case_totals *totals)
{
    if (record != NULL) {
        record->setup = *setup;
        record->count = 0;
    }
    if (!model_begin(model, setup)) {
        totals->too_small++;
        return;
    }
    struct generator generator;
    generate_begin(&generator, setup);
    for (uint64_t step = 0; step < setup->steps; step++) {
        struct op op = generate_next(&generator, model);
        if (record != NULL && record->count < record->room) {
            record->ops[record->count++] = op;
        }
        model_play(model, &op);
    }
    model_end(model);
    add_up(model, totals);
}

void case_replay(struct model *model, const struct setup *setup, const struct op *ops, size_t count,
                 struct case_totals *totals)
{
    if (!model_begin(model, setup)) {
        totals->too_small++;
        return;
    }
    for (size_t index = 0; index < count; index++) {
        model_play(model, &ops[index]);
    }
    model_end(model);
    add_up(model, totals);
}
