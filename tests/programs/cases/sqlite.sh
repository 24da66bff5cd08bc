# SPDX-License-Identifier: MIT
# A database in a file: inserts, indices, joins, updates, deletes, a vacuum.
# needs: sqlite3
set -eu

sqlite3 test.db <<'END'
PRAGMA journal_mode = MEMORY;
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
    INSERT INTO item SELECT i, 'item' || (i * 7919 % 1009), i * 31 % 977 / 7.0,
                            substr(hex(i * 2654435761), 1, i % 20) FROM n;
CREATE INDEX item_name ON item (name);
CREATE TABLE sale AS SELECT id AS item, id % 13 AS count FROM item WHERE id % 3 = 0;
SELECT count(*), sum(length(note)), round(avg(price), 4) FROM item;
SELECT name, count(*), round(sum(price), 3) FROM item GROUP BY name ORDER BY 2 DESC, 1 LIMIT 5;
SELECT i.name, sum(s.count) FROM item i JOIN sale s ON s.item = i.id GROUP BY i.name ORDER BY 2 DESC, 1 LIMIT 5;
UPDATE item SET note = note || upper(name) WHERE id % 5 = 0;
DELETE FROM item WHERE id % 7 = 0;
SELECT count(*), max(length(note)), group_concat(id) FROM (SELECT * FROM item ORDER BY note, id LIMIT 20);
VACUUM;
PRAGMA integrity_check;
SELECT json_group_array(name) FROM (SELECT DISTINCT name FROM item ORDER BY name LIMIT 10);
END
sqlite3 test.db .dump | cksum

echo "the case is complete"
