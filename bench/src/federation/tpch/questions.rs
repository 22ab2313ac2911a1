//! What TPC-H asks of one table of facts, and so of departments by a Tabulation: two of its queries whole, of four others the
//! aggregate that they rest on. The parameters are those of the specification for validation.

/// A question, in SQL that all peers read alike.
pub(super) struct Question {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

pub(super) const QUESTIONS: [Question; 6] = [
    Question {
        name: "1, whole",
        sql: "SELECT l_returnflag, l_linestatus, sum(l_quantity) AS sum_qty, \
              sum(l_extendedprice) AS sum_base_price, \
              sum(l_extendedprice * (1 - l_discount)) AS sum_disc_price, \
              sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS sum_charge, \
              avg(l_quantity) AS avg_qty, avg(l_extendedprice) AS avg_price, avg(l_discount) AS avg_disc, \
              count(*) AS count_order \
              FROM tpch.lineitem WHERE l_shipdate <= DATE '1998-09-02' \
              GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus",
    },
    Question {
        name: "4, its orders",
        sql: "SELECT o_orderpriority, count(*) AS order_count FROM tpch.orders \
              WHERE o_orderdate >= DATE '1993-07-01' AND o_orderdate < DATE '1993-10-01' \
              GROUP BY o_orderpriority ORDER BY o_orderpriority",
    },
    Question {
        name: "6, whole",
        sql: "SELECT sum(l_extendedprice * l_discount) AS revenue FROM tpch.lineitem \
              WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01' \
              AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24",
    },
    Question {
        name: "12, its lines",
        sql: "SELECT l_shipmode, count(*) AS lines FROM tpch.lineitem \
              WHERE l_shipmode IN ('MAIL', 'SHIP') AND l_commitdate < l_receiptdate \
              AND l_shipdate < l_commitdate AND l_receiptdate >= DATE '1994-01-01' \
              AND l_receiptdate < DATE '1995-01-01' GROUP BY l_shipmode ORDER BY l_shipmode",
    },
    Question {
        name: "14, its revenue",
        sql: "SELECT sum(l_extendedprice * (1 - l_discount)) AS revenue FROM tpch.lineitem \
              WHERE l_shipdate >= DATE '1995-09-01' AND l_shipdate < DATE '1995-10-01'",
    },
    Question {
        name: "15, its revenue by supplier",
        sql: "SELECT l_suppkey, sum(l_extendedprice * (1 - l_discount)) AS total_revenue FROM tpch.lineitem \
              WHERE l_shipdate >= DATE '1996-01-01' AND l_shipdate < DATE '1996-04-01' \
              GROUP BY l_suppkey ORDER BY l_suppkey",
    },
];
