-- name: look-up 1 order by key
select o_orderkey, o_totalprice, o_orderdate from orders where o_orderkey = 12389;
-- name: look-up 2 order by key, every column
select * from orders where o_orderkey = 3000001;
-- name: look-up 3 lines of an order
select l_linenumber, l_quantity, l_extendedprice from lineitem where l_orderkey = 100001;
-- name: look-up 4 lines of an order, every column
select * from lineitem where l_orderkey = 2500002;
-- name: look-up 5 sum of an order
select sum(l_extendedprice * (1 - l_discount)) from lineitem where l_orderkey = 5000003;
-- name: look-up 6 three orders
select o_orderkey, o_orderstatus from orders where o_orderkey in (7, 1000002, 4000003);
-- name: look-up 7 orders of a customer
select o_orderkey, o_totalprice from orders where o_custkey = 370;
-- name: look-up 8 count of a customer's orders
select count(*) from orders where o_custkey = 781;
-- name: look-up 9 a customer
select c_name, c_address from customer where c_custkey = 4567;
-- name: look-up 10 a customer's phone
select c_phone from customer where c_custkey = 14567;
-- name: look-up 11 a supplier
select s_name, s_acctbal from supplier where s_suppkey = 4321;
-- name: look-up 12 orders of a day
select o_orderkey, o_totalprice from orders where o_orderdate = date '1995-03-15';
-- name: look-up 13 lines shipped on a day
select count(*) from lineitem where l_shipdate = date '1996-06-01';
-- name: look-up 14 revenue of a day
select sum(l_extendedprice) from lineitem where l_shipdate = '1997-01-02';
-- name: look-up 15 a range of keys
select count(*), max(o_totalprice) from orders where o_orderkey between 3000000 and 3001000;
-- name: look-up 16 large orders of a range
select o_orderkey from orders where o_orderkey between 1000000 and 1100000 and o_totalprice > 400000;
-- name: look-up 17 text in a range
select l_comment from lineitem where l_orderkey between 600000 and 600100 and l_comment like '%care%';
-- name: look-up 18 by expression in a range
select upper(o_clerk) from orders where o_orderkey < 500 and o_orderdate + 1 > date '1995-01-01';
-- name: look-up 19 a line
select * from lineitem where l_orderkey = 1 and l_linenumber = 1;
-- name: look-up 20 nothing
select * from lineitem where l_orderkey = 6000001;
-- name: top-N 1 dearest orders
select o_orderkey, o_totalprice from orders order by o_totalprice desc limit 10;
-- name: top-N 2 latest lines
select l_orderkey, l_linenumber, l_shipdate from lineitem order by l_shipdate desc, l_orderkey, l_linenumber limit 20;
-- name: top-N 3 of a year
select o_orderkey, o_custkey from orders where o_orderdate >= date '1997-01-01' order by o_orderdate, o_orderkey limit 50;
-- name: top-N 4 every column
select * from orders order by o_orderdate desc, o_orderkey limit 5;
-- name: top-N 5 by expression
select l_orderkey, l_extendedprice * (1 - l_discount) as revenue from lineitem order by revenue desc, l_orderkey limit 10;
-- name: join 1 an order and its lines
select o_orderdate, l_linenumber, l_quantity from orders join lineitem on l_orderkey = o_orderkey where o_orderkey = 1234567 and l_orderkey = 1234567;
-- name: join 2 orders of a customer by key
select c_name, o_orderkey, o_totalprice from customer join orders on o_custkey = c_custkey where c_custkey = 4567 and o_custkey = 4567;
-- name: join 3 a day's orders and customers
select c_mktsegment, sum(o_totalprice) from orders join customer on c_custkey = o_custkey where o_orderdate = date '1996-02-29' group by c_mktsegment;
-- name: join 4 lines of a day and their suppliers
select n_name, sum(l_quantity) from lineitem join supplier on s_suppkey = l_suppkey join nation on n_nationkey = s_nationkey where l_shipdate = date '1998-01-05' group by n_name;
-- name: join 5 a range of orders with their lines
select count(*), sum(l_quantity) from orders left join lineitem on l_orderkey = o_orderkey where o_orderkey between 100000 and 120000;
