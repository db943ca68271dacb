//! Other ways to rank sites by their levels, which a trend has to beat.

/// The levels of a site, snapshot by snapshot.
pub type Levels = Vec<f64>;

/// What a site is ranked by.
pub type Score = fn(&[f64]) -> f64;

pub const RIVALS: [(&str, Score); 4] = [
    ("largest adjacent change", largest_adjacent),
    ("last less first", last_less_first),
    ("least-squares slope", least_squares),
    ("Theil-Sen with Mann-Kendall", theil_sen),
];

pub fn largest_adjacent(levels: &[f64]) -> f64 {
    levels.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::MIN, f64::max)
}

pub fn last_less_first(levels: &[f64]) -> f64 {
    levels[levels.len() - 1] - levels[0]
}

pub fn least_squares(levels: &[f64]) -> f64 {
    let n = levels.len() as f64;
    let mean_time = (n - 1.0) / 2.0;
    let mean = levels.iter().sum::<f64>() / n;
    let moments = levels.iter().enumerate().map(|(at, level)| {
        let time = at as f64 - mean_time;
        (time * (level - mean), time * time)
    });
    let (mixed, square) = moments.fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    mixed / square
}

/// The median slope of all pairs where the test of Mann and Kendall finds a rise at the 5 % level (one-sided z above 1.645,
/// with the correction for ties), else nothing.
pub fn theil_sen(levels: &[f64]) -> f64 {
    let n = levels.len();
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    let mut score = 0.0;
    for later in 1..n {
        for earlier in 0..later {
            let change = levels[later] - levels[earlier];
            score += if change == 0.0 { 0.0 } else { change.signum() };
            slopes.push(change / (later - earlier) as f64);
        }
    }
    let term = |count: f64| count * (count - 1.0) * (2.0 * count + 5.0);
    let mut sorted = levels.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: f64 = sorted.chunk_by(|a, b| a == b).map(|equal| term(equal.len() as f64)).sum();
    let variance = (term(n as f64) - ties) / 18.0;
    if variance <= 0.0 || (score - 1.0) / variance.sqrt() < 1.645 {
        return f64::MIN;
    }
    slopes.sort_by(f64::total_cmp);
    slopes[slopes.len() / 2]
}
