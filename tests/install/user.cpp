// SPDX-License-Identifier: MIT
// The same in C++: operator new, and the containers that use it.
#include <cstdint>
#include <cstdio>
#include <vector>

#include <ft_malloc.h>

int main()
{
    char *ours = new char[4242];
    std::vector<char> others(4343);
    others[0] = 1;
    std::fprintf(stderr, "0x%lX - 0x%lX : 4242 bytes\n",
                 static_cast<unsigned long>(reinterpret_cast<std::uintptr_t>(ours)),
                 static_cast<unsigned long>(reinterpret_cast<std::uintptr_t>(ours) + 4242));
    show_alloc_mem();
    delete[] ours;
    return 0;
}
