// SPDX-License-Identifier: MIT
// What is seen from outside: everything else is hidden. exports.list names the same functions, and a
// check compares the two.
#ifndef FT_API_EXPORT_H
#define FT_API_EXPORT_H

#define EXPORT __attribute__((visibility("default")))

#endif
