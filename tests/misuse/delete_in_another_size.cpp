// SPDX-License-Identifier: MIT
// A chunk is deleted with a size that is not its own.

#include <new>

int main()
{
    void *volatile chunk = ::operator new(42);
    ::operator delete (chunk, std::size_t{3000});
    return 0;
}
