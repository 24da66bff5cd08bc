// SPDX-License-Identifier: MIT
// A C++ program of a few threads: maps of strings that come, grow and go; some stay to the end.
//
//   strings [STEPS]   so many in each thread (20000)
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace
{

std::vector<std::unique_ptr<std::map<std::uint32_t, std::string>>> kept;

void fill(std::map<std::uint32_t, std::string> &map, std::uint32_t seed, unsigned long steps)
{
    for (unsigned long step = 0; step < steps; step++) {
        seed = seed * 1664525 + 1013904223;
        std::uint32_t key = seed >> 8 & 1023;
        if (seed >> 28 < 5) {
            map.erase(key);
        } else {
            map[key] += std::string(seed >> 20 & 63, 'x');
        }
    }
}

} // namespace

int main(int count, char **arguments)
{
    unsigned long steps = count > 1 ? std::stoul(arguments[1]) : 20000;
    std::vector<std::thread> threads;
    for (std::uint32_t index = 0; index < 4; index++) {
        kept.push_back(std::make_unique<std::map<std::uint32_t, std::string>>());
        threads.emplace_back(fill, std::ref(*kept.back()), index + 1, steps);
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    kept.resize(2);
    // Without the destructors of what is kept: it is live at the end.
    auto *leaked = new std::vector<std::unique_ptr<std::map<std::uint32_t, std::string>>>();
    leaked->swap(kept);
    return 0;
}
