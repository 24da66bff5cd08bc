// SPDX-License-Identifier: MIT
// What is said when memory runs out.
#ifndef FT_API_EXHAUSTED_H
#define FT_API_EXHAUSTED_H

#include <stddef.h>

// Without the lock. An allocation of so many bytes is about to be refused, for good. If the option `exhausted` wants it,
// one line on standard error says where the memory is. A product that overflows is refused without: no number says what
// was asked for, and it is not memory that is wanting. Changes errno.
void exhausted_tell(size_t bytes);

#endif
