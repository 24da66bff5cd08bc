// SPDX-License-Identifier: MIT
// Makes a list of operations that fails shorter, for as long as it fails: first parts of it are left out,
// by halves, quarters and so on down to single operations; then numbers are made smaller, of operations and
// of the setup. Each attempt is a process of its own.
#ifndef FT_TESTS_MODEL_REDUCE_H
#define FT_TESTS_MODEL_REDUCE_H

#include "tests/model/op.h"
#include "tests/model/setup.h"

#include <stdbool.h>

// Whether a list fails, played in a child. Its words on standard error are lost.
bool reduce_fails(const struct setup *setup, const struct op_list *list);

// Plays the case of a setup in a child and notes what it does. False if it does not fail; else *list is
// what it played up to that.
bool reduce_record(const struct setup *setup, struct op_list *list);

// Reduces a setup and a list that fail, for so many seconds at most. Returns how many lists were tried.
unsigned reduce(struct setup *setup, struct op_list *list, double seconds);

#endif
