// SPDX-License-Identifier: MIT
// A system for a wide arena, on the model's ground: it meets needs, takes back what goes back, and refuses
// as it is told. Sections come from the lower half, mappings from the upper one.
#ifndef FT_TESTS_MODEL_WIDE_MEMORY_H
#define FT_TESTS_MODEL_WIDE_MEMORY_H

#include "core/heap.h"
#include "tests/model/setup.h"
#include "tests/model/subject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Makes an arena without sections at the start of the ground.
struct arena *wide_memory_begin(const struct setup *setup, unsigned char *ground);

// So many needs are met from now on, then so many are refused.
void wide_memory_refuse(uint64_t met, uint64_t refused);

// How many were refused since the last call of this function.
uint64_t wide_memory_refused(void);

// Meets a need of kind COMMIT or SECTION, or refuses; one of kind MAPPING, with the chunk as result.
bool wide_memory_meet(const struct need *need);
void *wide_memory_meet_mapping(const struct need *need, size_t bytes);

// Takes what goes back, or refuses to.
void wide_memory_let_go(const struct leaving *leaving);

// Purges what the arena keeps too much of free runs.
void wide_memory_return_runs(void);

// The same for pages of a heap's zones.
void wide_memory_return_pages(struct heap *heap);

// Purges all free runs but for so many bytes; all pages of a heap's zones that can go.
void wide_memory_trim_runs(size_t keep_bytes);
void wide_memory_trim_pages(struct heap *heap);

enum subject_memory wide_memory_of(const void *ptr);

#endif
