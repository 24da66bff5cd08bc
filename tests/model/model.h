// SPDX-License-Identifier: MIT
// A simple model of an allocator: slots that hold chunks, with their sizes and contents, and a shadow of
// the memory. The player does an operation to the subject and to the model, and holds every answer of the
// one against the other.
//
// A finding is told on standard error, with what was being played, and ends the process.
#ifndef FT_TESTS_MODEL_MODEL_H
#define FT_TESTS_MODEL_MODEL_H

#include "tests/model/op.h"
#include "tests/model/setup.h"
#include "tests/model/shadow.h"
#include "tests/model/subject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slot {
    unsigned char *ptr; // NULL: empty
    size_t bytes;
    size_t capacity;
    uint32_t tag;          // of its contents
    uint32_t walk;         // the walk under way when it was handed out or changed
    uint32_t told;         // the walk that told it since
    unsigned char *stale;  // where the slot's last chunk was
    uint64_t stale_change; // the model's count of changes right after it was freed
};

struct model {
    struct setup setup;
    const struct subject *subject;
    unsigned char *ground;
    unsigned ground_index;
    size_t ground_used;
    struct ground_region regions[GROUND_REGIONS_MAX];
    bool region_is_in[GROUND_REGIONS_MAX];
    size_t region_used[GROUND_REGIONS_MAX]; // bytes from its start on that the arena has at least
    struct shadow shadow;
    struct slot slots[SETUP_SLOTS_MAX];
    size_t live_count;
    bool heap_is_open[SETUP_HEAPS_MAX];
    unsigned open_count;
    bool has_lost_heaps;          // heaps that nobody can use before a revive
    bool heap_opened_late;        // while there were added regions: one of them may hold it
    uint64_t changes;             // operations that may have changed what is where
    uint64_t dropped_count;       // chunks given back or moved, regions that came or went, resets
    uint64_t failures_least;      // requests that were refused for want of memory
    uint64_t failures_most;       // and those where it is a matter of opinion
    struct ft_core_figures start; // when the arena was made
    struct ft_core_walk walk;     // the walk under way
    unsigned char *walked_to;     // the last chunk that it told
    uint32_t walk_count;          // its number, in the slots; 0: none
    uint32_t walk_number;         // of the last walk
    uint32_t next_tag;

    // What was done, for reports.
    uint64_t step;
    struct op op;
    uint64_t op_count;
    uint64_t refused_count;
    uint64_t misuse_count;
    uint64_t audit_count;
};

// A model without an arena; its memory is kept from case to case.
void model_init(struct model *model);

// Makes an arena as the setup says, in memory that holds anything. False: the region is too small.
bool model_begin(struct model *model, const struct setup *setup);

// Looks at everything, frees everything, and ends the arena.
void model_end(struct model *model);

// Does an operation.
void model_play(struct model *model, const struct op *op);

// Tells a finding. on_finding, if it is there, decides how the process ends.
_Noreturn void model_fail(const struct model *model, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
extern void (*model_on_finding)(void);

// Where ptr lies in the model's memory.
static inline size_t model_offset(const struct model *model, const void *ptr)
{
    return (size_t)((uintptr_t)ptr - (uintptr_t)model->ground);
}

// What the parts of the player share: play_chunks.c, play_misuse.c, play_arena.c, audit.c.

// The chunk of a slot and what it holds, against the subject's answer.
void model_check_slot(const struct model *model, const struct slot *slot);

// Enters a chunk that was handed out, or was moved or resized; takes one out.
void model_enter(struct model *model, struct slot *slot, void *ptr, size_t bytes, size_t align);
void model_drop(struct model *model, struct slot *slot);

// Whether nothing changed from one look at the figures to the next but the count of failures.
bool model_figures_agree(const struct ft_core_figures *before, const struct ft_core_figures *after);

// The same after a refusal, which may have given up what the heap had at hand.
bool model_figures_survive(const struct ft_core_figures *before,
                           const struct ft_core_figures *after);

// What may be said of a pointer that is handed back: a set of bits, 1 << enum ft_core_misuse.
unsigned model_verdicts(const struct model *model, const void *ptr);

// Holds everything against the model: walk, figures, guards, invariants.
void model_audit(struct model *model);

// Forgets all chunks without freeing them.
void model_forget_chunks(struct model *model);

void play_alloc(struct model *model, const struct op *op);
void play_free(struct model *model, const struct op *op);
void play_resize(struct model *model, const struct op *op);
void play_realloc(struct model *model, const struct op *op);
void play_misuse(struct model *model, const struct op *op);
void play_wrong_size(struct model *model, const struct op *op);
void play_locate(struct model *model, const struct op *op);
void play_walk(struct model *model, const struct op *op);
void play_report(struct model *model, const struct op *op);
void play_heap(struct model *model, const struct op *op); // open, close, trim
void play_region(struct model *model, const struct op *op);
void play_arena(struct model *model, const struct op *op); // revive, move, reset, recreate
void play_empty(struct model *model, const struct op *op);

#endif
