// SPDX-License-Identifier: MIT
// Texts in the containers of C++: words are counted in a map, their places kept in vectors of a hash map, and both
// are joined and dropped. The work is counted in words.
#include "bench.d/random.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace
{

constexpr std::size_t words_per_book = 50000;

std::string random_word(std::uint64_t &seed)
{
    // Squared, so that short words come up often and are seen again.
    std::size_t length = 1 + random_below(&seed, 6) * random_below(&seed, 6);
    std::string word;
    for (std::size_t i = 0; i < length; i++) {
        word += static_cast<char>('a' + random_below(&seed, i < 3 ? 8 : 26));
    }
    return word;
}

struct result {
    std::size_t words = 0;
    std::size_t most = 0;
    std::size_t bytes = 0;
};

void read_book(std::uint64_t &seed, std::size_t count, result &result)
{
    std::map<std::string, std::size_t> counts;
    std::unordered_map<std::string, std::vector<std::size_t>> places;
    for (std::size_t i = 0; i < count; i++) {
        std::string word = random_word(seed);
        counts[word]++;
        places[word].push_back(i);
    }
    std::vector<std::string> lines;
    for (const auto &[word, times] : counts) {
        std::string line = word + ':';
        for (std::size_t place : places[word]) {
            line += ' ' + std::to_string(place);
        }
        lines.push_back(line);
        result.most = std::max(result.most, times);
    }
    result.words += lines.size();
    for (const auto &line : lines) {
        result.bytes += line.size();
    }
}

} // namespace

int main(int argc, char **argv)
{
    std::size_t left = argc == 2 ? std::strtoul(argv[1], nullptr, 10) : 0;
    if (left == 0) {
        std::fprintf(stderr, "usage: %s WORK\n", argv[0]);
        return 2;
    }
    std::uint64_t seed = 54;
    result result;
    while (left > 0) {
        std::size_t count = std::min(left, words_per_book);
        read_book(seed, count, result);
        left -= count;
    }
    std::printf("%zu words, one %zu times, %zu bytes of places\n", result.words, result.most,
                result.bytes);
    return 0;
}
