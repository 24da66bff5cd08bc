// SPDX-License-Identifier: MIT
// Who is measured: the core and its yardstick behind one face, each on a region of its own.
#ifndef FT_TESTS_REGIONS_SUBJECT_H
#define FT_TESTS_REGIONS_SUBJECT_H

#include "core/ft_core.h"
#include "tests/regions/traces.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct subject {
    const char *name;
    // Makes the region its own, whatever it held before. NULL if that is not possible.
    void *(*open)(void *region, size_t bytes);
    void *(*alloc)(void *context, size_t bytes);
    void *(*alloc_aligned)(void *context, size_t align, size_t bytes);
    void *(*realloc)(void *context, void *ptr, size_t bytes);
    bool (*resize)(void *context, void *ptr, size_t bytes);
    void (*free)(void *context, void *ptr);
};

extern const struct subject subject_ours; // one at a time
extern const struct subject subject_tlsf;
extern const struct subject subject_none; // does nothing: what the loop around the others costs

// With which options subject_ours opens.
extern struct ft_core_options subject_options;

// Follows the trace from call `first` on, as far as `count` calls go. slots: one for each of the trace, all
// NULL before the first call. Returns how many calls were refused.
size_t subject_follow(const struct subject *subject, void *context, const struct trace *trace,
                      void **slots, size_t first, size_t count);

// Follows the trace until a call is refused, and returns the requested bytes that are in use then.
size_t subject_fill(const struct subject *subject, void *context, const struct trace *trace,
                    void **slots, size_t *op_count);

#endif
