//! 6,500 generated queries, parsed and printed.

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new();

use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

fn query(number: usize) -> String {
    let (table, column) = (number % 17, number % 29);
    match number % 4 {
        0 => format!(
            "SELECT a.id, b.name AS n{column}, count(*) FROM t{table} a JOIN u b ON a.id = b.t_id \
             WHERE a.c{column} > {number} AND b.name LIKE 'x{number}%' GROUP BY a.id, b.name ORDER BY 3 DESC LIMIT 10"
        ),
        1 => format!("INSERT INTO t{table} (id, name, price) VALUES ({number}, 'item {number}', {column}.5), (1, 'b', 2.5)"),
        2 => format!(
            "UPDATE t{table} SET c{column} = c{column} + 1, changed = now() WHERE id IN (SELECT id FROM u WHERE x.y.z = {number})"
        ),
        _ => format!(
            "WITH w AS (SELECT * FROM t{table} WHERE NOT deleted) SELECT CASE WHEN w.a IS NULL THEN 'none' ELSE w.a END \
             FROM w WHERE w.b BETWEEN {column} AND {number} UNION ALL SELECT name FROM u"
        ),
    }
}

fn main() {
    let _profiler = highwater::Profiler::new(std::env::args().nth(1).expect("where the profile goes"));
    let mut printed = 0;
    for number in 0..6_500 {
        let statements = Parser::parse_sql(&GenericDialect {}, &query(number)).expect("a query");
        printed += statements.iter().map(|it| it.to_string().len()).sum::<usize>();
    }
    println!("{printed}");
}
