#!/bin/bash
# The sqlite3 shell: scripts, transactions, imports, dumps, journals, concurrent writers.
# needs: sqlite3

sqlite3 shop.db <<'END'
create table item (id integer primary key, name text not null unique, price real);
create table sale (item integer references item, day text, amount int);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
  insert into item select i, 'item ' || i, i * 0.5 from n;
insert into sale select id, date('2024-01-01', '+' || (id % 31) || ' days'), id % 7 from item;
create index sale_day on sale (day);
.mode column
select day, sum(amount * price) as total from sale join item on item = id
  group by day order by total desc limit 3;
begin; delete from item; rollback;
select count(*) from item;
.tables
.schema sale
END
sqlite3 shop.db 'insert into item values (1, "again", 0)' 2>&1 | sed 's/^.*: //'
echo "status ${PIPESTATUS[0]}"
sqlite3 shop.db .dump | sqlite3 copy.db && sqlite3 copy.db 'select count(*), max(price) from item'
sqlite3 -csv shop.db 'select * from item limit 3' >items.csv && cat items.csv
sqlite3 new.db 'create table t(a, b, c)' '.mode csv' '.import items.csv t' 'select count(*) from t'
sqlite3 shop.db 'pragma integrity_check; vacuum; select page_count > 1 from pragma_page_count;'
sqlite3 shop.db '.backup backup.db' && sqlite3 backup.db 'select count(*) from sale'

for mode in delete truncate persist memory wal; do
  sqlite3 "$mode.db" "pragma journal_mode=$mode; create table t(x);"
  for writer in 1 2 3 4; do
    for i in $(seq 10); do
      sqlite3 -cmd '.timeout 60000' "$mode.db" "insert into t values ($writer * 100 + $i)"
    done &
  done
  wait
  sqlite3 "$mode.db" 'select count(*), sum(x) from t'
done

(sleep 0.1; echo 'commit;') | cat <(echo 'begin exclusive; insert into t values (1);') - |
  sqlite3 delete.db &
wait
sqlite3 delete.db 'select count(*) from t'
sqlite3 -json :memory: "select 1 as a, 'x' as b, hex(zeroblob(4)) as c"
sqlite3 /nonexistent/x.db 'select 1; create table t(x)' 2>/dev/null; echo "unable: $?"
ls ./*.db* | paste -sd ' '
