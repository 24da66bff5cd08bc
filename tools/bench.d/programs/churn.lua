-- SPDX-License-Identifier: MIT
-- Tables and strings made and dropped: what Lua's collector does to its allocator. The argument is how many
-- percent of the whole, which takes a few seconds.
local percent = tonumber(arg[1] or 100)
local seed = 42

local function number()
    seed = (seed * 1103515245 + 12345) % 2147483648
    return seed // 256
end

local function tree(depth)
    if depth == 0 then
        return { key = number() }
    end
    return { key = number(), left = tree(depth - 1), right = tree(depth - 1) }
end

local function total(node)
    if node == nil then
        return 0
    end
    return node.key % 7 + total(node.left) + total(node.right)
end

local function churn_strings(live, steps)
    local strings = {}
    for _ = 1, steps do
        local n = number()
        strings[n % live + 1] = string.rep("x", n % 200) .. n
    end
    return #strings
end

local result = 0
for _ = 1, 5 * percent // 100 do
    result = result + total(tree(16))
end
result = result + churn_strings(1000 * percent, 6000 * percent)
local growing = {}
for i = 1, 10000 * percent do
    growing[i] = i
end
print(result + #growing)
