//! Many tests at once: how many of those that stand out may do so by chance.

/// The q-value of each p-value, in their order: the smallest false discovery rate at which the test would still be among
/// the discoveries. Of the tests with `q ≤ 0.05`, at most 5 % are false in the mean.
///
/// This is the step-up procedure of Benjamini and Hochberg (Journal of the Royal Statistical Society B 57, 1995): with
/// the p-values in order, `q(i) = min over j ≥ i of p(j)·m/j`.
pub fn q_values(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_unstable_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let tests = p_values.len() as f64;
    let mut least = 1.0f64;
    let mut q_values = vec![1.0; p_values.len()];
    for (below, &at) in order.iter().enumerate().rev() {
        least = least.min(p_values[at] * tests / (below + 1) as f64);
        q_values[at] = least;
    }
    q_values
}
