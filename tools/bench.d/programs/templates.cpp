// SPDX-License-Identifier: MIT
// What gcc's compiler proper is given to compile: templates of the library, used in a few ways.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace
{

struct leaf {
    std::string text;
};

struct branch;
using tree = std::variant<leaf, std::unique_ptr<branch>>;

struct branch {
    std::vector<tree> children;
};

std::size_t count(const tree &at)
{
    return std::visit(
        [](const auto &node) -> std::size_t {
            if constexpr (std::is_same_v<std::decay_t<decltype(node)>, leaf>) {
                return node.text.size();
            } else {
                std::size_t sum = 0;
                for (const auto &child : node->children) {
                    sum += count(child);
                }
                return sum;
            }
        },
        at);
}

template <typename Key>
std::map<Key, std::vector<std::string>> grouped(const std::vector<std::string> &words)
{
    std::map<Key, std::vector<std::string>> groups;
    for (const auto &word : words) {
        groups[static_cast<Key>(word.size())].push_back(word);
    }
    for (auto &[key, group] : groups) {
        std::stable_sort(group.begin(), group.end(), std::greater<>());
    }
    return groups;
}

} // namespace

std::string report(const std::string &text)
{
    std::vector<std::string> words;
    std::istringstream in(text);
    for (std::string word; in >> word;) {
        words.push_back(word);
    }
    std::unordered_map<std::string, std::function<std::size_t()>> counts;
    for (const auto &each : words) {
        counts.emplace(each, [each] { return count(tree(leaf{each})); });
    }
    std::ostringstream out;
    for (const auto &[length, group] : grouped<long>(words)) {
        out << length << ' ' << group.size() << '\n';
    }
    for (const auto &[length, group] : grouped<short>(words)) {
        out << length << ' ' << group.front() << ' ' << counts[group.front()]() << '\n';
    }
    return out.str();
}
