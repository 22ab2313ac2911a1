//! Rows of open data: only those that a statement needs are sent, and the answer is that of one table.

use std::fmt::Write as _;

use insitu_tests::{Analyst, Cells, Department, Federation};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A sale: the shop, if it is known, and the amount, if that is.
type Sale = (Option<&'static str>, Option<i64>);

fn sales() -> Vec<Sale> {
    let mut random = StdRng::seed_from_u64(31);
    let shops = [Some("north"), Some("south"), Some("east"), None];
    let mut one = |_| {
        let amount = random.random_bool(0.9).then(|| random.random_range(-50..1_000));
        (shops[random.random_range(0..4)], amount)
    };
    (0..2_000).map(&mut one).collect()
}

/// The sales at so many departments; with more than one, the last has none.
fn departments(sales: &[Sale], nodes: usize) -> Vec<Department> {
    let homes = nodes.saturating_sub(1).max(1);
    let of = |node: usize| {
        let mut csv = "id,shop,amount\n".to_owned();
        for (id, (shop, amount)) in sales.iter().enumerate().filter(|(id, _)| id % homes == node) {
            let amount = amount.map_or(String::new(), |amount| amount.to_string());
            let _ = writeln!(csv, "{id},{},{amount}", shop.unwrap_or_default());
        }
        let config = format!(
            r#"
[node]
id = "n{node}"
department = "Part {node}"
[[dataset]]
name = "open.sales"
source = {{ format = "csv", path = "sales.csv" }}
protection = "open"
[[dataset.column]]
name = "id"
type = "integer"
label = "dimension"
[[dataset.column]]
name = "shop"
type = "text"
label = "dimension"
blank = "null"
[[dataset.column]]
name = "amount"
type = "integer"
label = "measure"
blank = "null"
"#
        );
        Department { config, files: vec![("sales.csv".to_owned(), csv.into_bytes())] }
    };
    (0..nodes).map(of).collect()
}

/// Largest amount first, those without one last, and by number.
fn by_amount(sales: &[Sale], keep: impl Fn(&Sale) -> bool) -> Vec<(usize, Sale)> {
    let numbered = sales.iter().copied().enumerate();
    let mut sorted: Vec<(usize, Sale)> = numbered.filter(|(_, sale)| keep(sale)).collect();
    sorted.sort_by_key(|(id, (_, amount))| (amount.is_none(), amount.map(|a| -a), *id));
    sorted
}

fn ids(sales: &[(usize, Sale)]) -> Cells {
    sales.iter().map(|(id, _)| vec![id.to_string()]).collect()
}

async fn explained(analyst: &mut Analyst, sql: &str) -> String {
    let rows = analyst.cells(&format!("EXPLAIN {sql}")).await.unwrap();
    rows.into_iter().map(|mut row| row.remove(0) + "\n").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_rows_are_those_of_one_table_and_no_more_are_sent() {
    let sales = sales();
    let all = by_amount(&sales, |_| true);
    let south = by_amount(&sales, |(shop, _)| *shop == Some("south"));
    let order = "ORDER BY amount DESC NULLS LAST, id";
    for nodes in [1, 4] {
        let federation = Federation::start(&departments(&sales, nodes)).await;
        let mut analyst = federation.analyst().await;
        for (sql, expect, sent) in [
            (format!("SELECT id FROM open.sales {order} LIMIT 7"), &all[..7], Some(7)),
            (
                format!("SELECT id FROM open.sales {order} LIMIT 5 OFFSET 30"),
                &all[30..35],
                Some(35),
            ),
            (
                "SELECT n FROM (SELECT id AS n, shop AS s, amount FROM open.sales) AS t WHERE s = 'south' ORDER BY amount DESC NULLS LAST, n LIMIT 3"
                .to_owned(),
                &south[..3],
                Some(3),
            ),
            // What fails or overflows at a department isn't what fails here: such a condition is checked again over all rows.
            (
                format!("SELECT id FROM open.sales WHERE amount * 2 > 0 {order} LIMIT 4"),
                &all[..4],
                None,
            ),
            // An order that isn't of columns.
            (
                "SELECT id FROM open.sales ORDER BY amount * -1 NULLS LAST, id LIMIT 4".to_owned(),
                &all[..4],
                None,
            ),
            // Of rows that are joined, or read twice, any may be needed.
            (
                format!(
                    "SELECT a.id FROM open.sales AS a JOIN open.sales AS b ON a.id = b.id {} LIMIT 4",
                    order.replace("amount", "a.amount").replace("id", "a.id")
                ),
                &all[..4],
                None,
            ),
        ] {
            assert_eq!(analyst.cells(&sql).await.unwrap(), ids(expect), "{nodes}: {sql}");
            let plan = explained(&mut analyst, &sql).await;
            let first = plan.lines().find_map(|line| line.trim().strip_prefix("the first "));
            let number = first.map(|first| first.split(' ').next().unwrap().parse().unwrap());
            assert_eq!(number, sent, "{sql}\n{plan}");
        }
        // In no order any rows will do, but so many, and with the condition.
        let any =
            analyst.cells("SELECT id, shop FROM open.sales WHERE shop = 'east' LIMIT 11").await;
        let any = any.unwrap();
        assert_eq!(any.len(), 11);
        for row in &any {
            assert_eq!(sales[row[0].parse::<usize>().unwrap()].0, Some("east"), "{row:?}");
        }
        let beyond = analyst.cells("SELECT id FROM open.sales LIMIT 5 OFFSET 1998").await.unwrap();
        assert_eq!(beyond.len(), 2);
        assert_eq!(analyst.cells("SELECT id FROM open.sales LIMIT 0").await.unwrap().len(), 0);
        // On the wire.
        let tap = federation.tap(0);
        let bytes = async |analyst: &mut Analyst, sql: &str| {
            tap.clear();
            analyst.cells(sql).await.unwrap();
            tap.sent().len()
        };
        let whole = bytes(&mut analyst, "SELECT id, amount FROM open.sales").await;
        let first =
            bytes(&mut analyst, &format!("SELECT id, amount FROM open.sales {order} LIMIT 5"))
                .await;
        assert!(4 * first < whole, "{first} of {whole} bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_of_the_rows_that_agree_with_one_is_a_cell_of_a_tabulation() {
    let sales = sales();
    let mean = |shop: &str| {
        let own = sales.iter().filter(|(s, _)| *s == Some(shop)).filter_map(|(_, amount)| *amount);
        let own: Vec<i64> = own.collect();
        own.iter().sum::<i64>() as f64 / own.len() as f64
    };
    let above: Vec<(usize, Sale)> = sales
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, (shop, amount))| {
            // A shop that isn't known equals no shop, and its mean is NULL.
            shop.zip(*amount).is_some_and(|(shop, amount)| amount as f64 > 1.9 * mean(shop))
        })
        .collect();
    assert!(10 < above.len() && above.len() < 1_000, "{}", above.len());
    let large =
        |shop: &str| sales.iter().any(|(s, a)| *s == Some(shop) && a.is_some_and(|a| 998 < a));
    let none: Vec<String> =
        ["east", "north", "south"].into_iter().filter(|s| !large(s)).map(str::to_owned).collect();
    for nodes in [1, 4] {
        let federation = Federation::start(&departments(&sales, nodes)).await;
        let mut analyst = federation.analyst().await;
        let sql = "SELECT s.id FROM open.sales AS s WHERE s.amount > \
                   (SELECT 1.9 * avg(t.amount) FROM open.sales AS t WHERE t.shop = s.shop) ORDER BY s.id";
        assert_eq!(analyst.cells(sql).await.unwrap(), ids(&above), "{nodes}");
        let plan = explained(&mut analyst, sql).await;
        assert!(plan.contains("Tabulation of open.sales") && plan.contains("by shop"), "{plan}");
        // With a condition of its own; of no row the total is NULL.
        let sql = "SELECT DISTINCT s.shop FROM open.sales AS s WHERE s.shop IS NOT NULL AND \
                   (SELECT sum(t.amount) FROM open.sales AS t WHERE s.shop = t.shop AND t.amount > 998) IS NULL \
                   ORDER BY s.shop";
        let told = analyst.cells(sql).await.unwrap();
        assert_eq!(told.concat(), none, "{nodes}");
        assert!(explained(&mut analyst, sql).await.contains("Tabulation of open.sales"));
        // A count of no rows is 0 and not NULL: it stays with the rows.
        let sql = "SELECT DISTINCT s.shop FROM open.sales AS s WHERE s.shop IS NOT NULL AND \
                   (SELECT count(*) FROM open.sales AS t WHERE t.shop = s.shop AND t.amount > 998) = 0 \
                   ORDER BY s.shop";
        assert_eq!(analyst.cells(sql).await.unwrap().concat(), none, "{nodes}");
        assert!(!explained(&mut analyst, sql).await.contains("Tabulation of open.sales"));
    }
}
