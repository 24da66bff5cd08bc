-- SPDX-License-Identifier: MIT
-- A database in memory: rows in, an index, updates, a join, rows out, everything rewritten. The parameter :items
-- says how many rows; 250000 take a few seconds.
CREATE TABLE item (id INTEGER PRIMARY KEY, shelf INTEGER, name TEXT, body TEXT);

WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :items)
INSERT INTO item
SELECT n, n * 7919 % 997, 'item ' || (n * 104729 % 1000003), substr(hex(zeroblob(100)), 1, n * 31 % 180)
FROM number;

CREATE INDEX item_name ON item (name);
CREATE INDEX item_shelf ON item (shelf, id);

UPDATE item SET body = body || name WHERE id % 5 = 0;

SELECT count(*), sum(length(body)) FROM item;
SELECT shelf, count(*) AS items, max(name) FROM item GROUP BY shelf ORDER BY items DESC, shelf LIMIT 5;
SELECT count(*) FROM item AS a JOIN item AS b ON a.name = b.name AND a.id < b.id;
SELECT sum(length(names)) FROM (SELECT group_concat(name, ' ') AS names FROM item GROUP BY shelf);

DELETE FROM item WHERE id % 3 = 0;
VACUUM;
SELECT count(*), min(name), max(name) FROM item;
