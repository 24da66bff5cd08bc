// SPDX-License-Identifier: MIT
// What a small C++ program does to its allocator, for tools/build/common.
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

enum { KEY_COUNT = 1000, OBJECT_COUNT = 2000 };

int main()
{
    std::map<std::string, std::vector<int>> numbers;
    std::vector<std::unique_ptr<std::string>> names;
    for (int index = 0; index < OBJECT_COUNT; index++) {
        std::string key =
            "a name too long to lie in the string " + std::to_string(index % KEY_COUNT);
        numbers[key].push_back(index);
        names.push_back(std::make_unique<std::string>(key));
    }
    std::printf("%zu %zu\n", numbers.size(), names.size());
}
