// SPDX-License-Identifier: MIT
// Three levels of distrust, and the only function-like macros of the project.
//
//   CHECK   always compiled: cheap facts whose breach means that our own data is damaged
//   ASSERT  compiled with FT_ASSERT: facts that a reader may rely on
//   AUDIT   compiled with FT_ASSERT: whole structures are walked and held against their invariants
//
// A failed one stops the process at once by a trap. The core has no output to explain itself with,
// and a heap that contradicts itself must not be written to any more.
#ifndef FT_CORE_CHECK_H
#define FT_CORE_CHECK_H

#ifndef FT_ASSERT
#define FT_ASSERT 0
#endif

#define CHECK(condition) ((condition) ? (void)0 : __builtin_trap())
#define ASSERT(condition) ((!FT_ASSERT || (condition)) ? (void)0 : __builtin_trap())
#define AUDIT(condition) ((!FT_ASSERT || (condition)) ? (void)0 : __builtin_trap())

#endif
