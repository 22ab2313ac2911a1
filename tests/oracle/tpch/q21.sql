SELECT s.s_name, count(*) AS numwait
FROM tpch.supplier s
JOIN tpch.lineitem l1 ON s.s_suppkey = l1.l_suppkey
JOIN tpch.orders o ON o.o_orderkey = l1.l_orderkey
JOIN tpch.nation n ON s.s_nationkey = n.n_nationkey
WHERE o.o_orderstatus = 'F' AND l1.l_receiptdate > l1.l_commitdate AND n.n_name = 'SAUDI ARABIA'
  AND EXISTS (
    SELECT 1 FROM tpch.lineitem l2
    WHERE l2.l_orderkey = l1.l_orderkey AND l2.l_suppkey <> l1.l_suppkey)
  AND NOT EXISTS (
    SELECT 1 FROM tpch.lineitem l3
    WHERE l3.l_orderkey = l1.l_orderkey AND l3.l_suppkey <> l1.l_suppkey
      AND l3.l_receiptdate > l3.l_commitdate)
GROUP BY s.s_name
ORDER BY numwait DESC, s.s_name
LIMIT 100
