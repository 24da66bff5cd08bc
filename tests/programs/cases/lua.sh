# SPDX-License-Identifier: MIT
# Tables, strings, closures, coroutines, metatables, collection of garbage.
# needs: lua5.4
set -eu

lua5.4 - <<'END'
local state = 42
local function random(limit)
    state = (state * 1103515245 + 12345) % 2147483648
    return state % limit
end
local words, count = {}, {}
for i = 1, 100000 do
    local word = "w" .. random(3000)
    words[i] = word
    count[word] = (count[word] or 0) + 1
end
local keys = {}
for key in pairs(count) do keys[#keys + 1] = key end
table.sort(keys, function(a, b) return count[a] > count[b] or count[a] == count[b] and a < b end)
for i = 1, 5 do print(keys[i], count[keys[i]]) end
local text = table.concat(words, " ")
print(#text, select(2, text:gsub("w(%d)", "%1")), #text:rep(20))
local function tree(depth)
    if depth == 0 then return { value = random(100) } end
    return { left = tree(depth - 1), right = tree(depth - 1) }
end
local function sum(node)
    return node.value or sum(node.left) + sum(node.right)
end
for round = 1, 5 do print(sum(tree(14))) end
collectgarbage()
local threads = {}
for i = 1, 2000 do
    threads[i] = coroutine.wrap(function() for n = 1, 10 do coroutine.yield(i * n) end end)
end
local total = 0
for n = 1, 10 do for i = 1, #threads do total = total + threads[i]() end end
print(total)
local weak = setmetatable({}, { __mode = "v" })
for i = 1, 50000 do weak[i] = { i } end
weak = nil
collectgarbage()
local big = {}
for i = 1, 300 do big[i] = string.rep(string.char(65 + i % 26), i * 100) end
print(#table.concat(big), string.format("%q", big[1]:sub(1, 10)))
END

echo "the case is complete"
