//! Groups of simulated processes, whose truth is known, against the tests that others use on the same numbers.

use std::fmt::Write;

use highwater_analyze::statistics::{digamma, q_values, t_two_sided, trigamma, trigamma_inverse};
use highwater_analyze::{GroupMatrix, GroupOptions, GroupSide, JudgedRows, judge_groups};

use crate::random::Random;

/// How processes of a group differ.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Differ {
    /// Each row by itself, log-normally.
    Rows,
    /// Each row by itself, with tails of a t distribution of three degrees of freedom.
    HeavyTails,
    /// All rows of a process together, by its load.
    Load,
}

/// What is simulated.
#[derive(Clone, Copy, Debug)]
struct World {
    sites: usize,
    /// Coefficient of variation between processes.
    variation: f64,
    /// Sampling interval of each group in bytes.
    intervals: [f64; 2],
    differ: Differ,
    /// Sites that hold half as much again in the new group.
    changed: usize,
}

const FDR: f64 = 0.05;
const GROWTH: f64 = 1.5;

impl World {
    fn factor(&self, random: &mut Random) -> f64 {
        let z = random.normal();
        if self.differ == Differ::HeavyTails {
            let chi = (0..3).map(|_| random.normal().powi(2)).sum::<f64>() / 3.0;
            return ((z / chi.sqrt()).clamp(-12.0, 12.0) * self.variation / 3f64.sqrt()).exp();
        }
        let spread = (1.0 + self.variation * self.variation).ln();
        (z * spread.sqrt() - spread / 2.0).exp()
    }

    /// The values of all processes, and what each group holds at each site in truth.
    fn draw(&self, counts: [usize; 2], random: &mut Random) -> (GroupMatrix, Vec<[f64; 2]>) {
        let mut matrix = GroupMatrix::default();
        for side in [GroupSide::Base, GroupSide::New] {
            let at = usize::from(side == GroupSide::New);
            matrix.sides.extend(vec![side; counts[at]]);
            matrix.unseen.extend(vec![self.intervals[at]; counts[at]]);
        }
        let loads: Vec<f64> = matrix.sides.iter().map(|_| self.factor(random)).collect();
        let mut truth = Vec::new();
        for site in 0..self.sites {
            let mean = (random.normal() * 1.7).exp() * f64::from(4 << 20);
            let size = [64.0, 512.0, 4096.0, 65_536.0][random.below(4) as usize];
            let size = if mean < size { 64.0 } else { size };
            let grown = if site < self.changed { GROWTH } else { 1.0 };
            truth.push([mean, mean * grown]);
            let (mut values, mut variances) = (Vec::new(), Vec::new());
            for (process, side) in matrix.sides.iter().enumerate() {
                let group = usize::from(*side == GroupSide::New);
                let own = if self.differ == Differ::Load { loads[process] } else { self.factor(random) };
                let blocks = (mean * if group == 1 { grown } else { 1.0 } * own / size).round();
                let found_with = -(-size / self.intervals[group]).exp_m1();
                let found = found(blocks, found_with, random);
                values.push(found * size / found_with);
                variances.push(found * size * size * (1.0 - found_with) / found_with.powi(2));
            }
            matrix.values.push(values);
            matrix.variances.push(variances);
            matrix.blocks.push(size);
        }
        (matrix, truth)
    }
}

/// How many of so many blocks are found, each with this probability.
fn found(blocks: f64, with: f64, random: &mut Random) -> f64 {
    let mean = blocks * with;
    if mean > 60.0 {
        return (mean + (mean * (1.0 - with)).sqrt() * random.normal()).round().clamp(0.0, blocks);
    }
    // The number of blocks up to the next one found is geometric.
    let (mut left, mut found) = (blocks, 0.0);
    loop {
        left -= (random.uniform().ln() / (-with).ln_1p()).floor() + 1.0;
        if left < 0.0 {
            return found;
        }
        found += 1.0;
    }
}

/// What came of many comparisons, as shares.
#[derive(Debug, Default)]
struct Outcome {
    /// False ones among the calls, in the mean.
    false_discoveries: f64,
    /// Changed sites that are called.
    power: f64,
    /// Intervals of the difference that hold the truth.
    coverage: f64,
    /// Power of limma's moderated t on the square roots, of the same on logarithms, and of Welch's test on logarithms.
    rivals: [f64; 3],
}

fn simulate(world: &World, counts: [usize; 2], trials: u64) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut held, mut intervals) = (0.0, 0.0);
    for trial in 0..trials {
        let mut random = Random::new(trial * 7919 + 13);
        let (matrix, truth) = world.draw(counts, &mut random);
        let judged = judge_groups(&matrix, &GroupOptions { fdr: FDR });
        let calls = calls(&judged);
        let (all, true_ones) = score(&calls, &truth);
        outcome.false_discoveries += if all > 0.0 { (all - true_ones) / all } else { 0.0 };
        outcome.power += true_ones;
        for (row, truth) in judged.rows.iter().zip(&truth).filter(|it| it.0.means[0] + it.0.means[1] > 0.0) {
            let change = truth[1] - truth[0];
            held += f64::from(u8::from(row.change[0] <= change && change <= row.change[1]));
            intervals += 1.0;
        }
        if world.changed > 0 {
            let pseudo = matrix.unseen[0] / 2.0;
            let rivals = [
                moderated(&matrix, f64::sqrt),
                moderated(&matrix, |it| (it + pseudo).ln()),
                welch(&matrix, |it| (it + pseudo).ln()),
            ];
            for (sum, calls) in outcome.rivals.iter_mut().zip(rivals) {
                *sum += score(&calls, &truth).1;
            }
        }
    }
    let of_changed = (trials as f64) * world.changed.max(1) as f64;
    outcome.false_discoveries /= trials as f64;
    outcome.power /= of_changed;
    outcome.coverage = held / intervals;
    outcome.rivals.iter_mut().for_each(|it| *it /= of_changed);
    outcome
}

fn calls(judged: &JudgedRows) -> Vec<bool> {
    judged.rows.iter().map(|it| it.q_value.is_some_and(|q_value| q_value <= FDR)).collect()
}

/// Number of calls, and of true ones.
fn score(calls: &[bool], truth: &[[f64; 2]]) -> (f64, f64) {
    let all = calls.iter().filter(|it| **it).count();
    let true_ones = calls.iter().zip(truth).filter(|(call, truth)| **call && truth[0] != truth[1]).count();
    (all as f64, true_ones as f64)
}

/// Mean, sum of squared deviations and number of values of each group, on a scale.
fn groups(matrix: &GroupMatrix, values: &[f64], scale: &impl Fn(f64) -> f64) -> [[f64; 3]; 2] {
    [GroupSide::Base, GroupSide::New].map(|side| {
        let own = values.iter().zip(&matrix.sides).filter(|it| *it.1 == side);
        let own: Vec<f64> = own.map(|it| scale(*it.0)).collect();
        let mean = own.iter().sum::<f64>() / own.len() as f64;
        [mean, own.iter().map(|it| (it - mean).powi(2)).sum(), own.len() as f64]
    })
}

fn discoveries(p_values: &[f64]) -> Vec<bool> {
    q_values(p_values).into_iter().map(|it| it <= FDR).collect()
}

/// Welch's test.
fn welch(matrix: &GroupMatrix, scale: impl Fn(f64) -> f64) -> Vec<bool> {
    let p_value = |values: &Vec<f64>| {
        let [[a, a_squares, a_count], [b, b_squares, b_count]] = groups(matrix, values, &scale);
        let parts =
            [(a_squares, a_count), (b_squares, b_count)].map(|(it, count)| it / (count - 1.0) / count);
        let all = parts[0] + parts[1];
        let freedom = all * all / (parts[0].powi(2) / (a_count - 1.0) + parts[1].powi(2) / (b_count - 1.0));
        if all > 0.0 { t_two_sided((b - a) / all.sqrt(), freedom) } else { 1.0 }
    };
    discoveries(&matrix.values.iter().map(p_value).collect::<Vec<_>>())
}

/// limma's moderated t (Smyth 2004, equations of `squeezeVar` and `fitFDist`).
fn moderated(matrix: &GroupMatrix, scale: impl Fn(f64) -> f64) -> Vec<bool> {
    let rows: Vec<_> = matrix.values.iter().map(|values| groups(matrix, values, &scale)).collect();
    let [[_, _, base], [_, _, new]] = rows[0];
    let own = base + new - 2.0;
    let variances: Vec<f64> = rows.iter().map(|[a, b]| (a[1] + b[1]) / own).collect();
    let mut sorted = variances.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let least = sorted[sorted.len() / 2] * 1e-5;
    let shift = digamma(own / 2.0) - (own / 2.0).ln();
    let logs: Vec<f64> = variances.iter().map(|it| it.max(least).ln() - shift).collect();
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let beyond = logs.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (count - 1.0) - trigamma(own / 2.0);
    let prior = if beyond > 0.0 { 2.0 * trigamma_inverse(beyond) } else { f64::INFINITY };
    let usual = match prior.is_infinite() {
        true => mean.exp(),
        false => (mean + digamma(prior / 2.0) - (prior / 2.0).ln()).exp(),
    };
    let p_value = |([a, b], variance): (&[[f64; 3]; 2], &f64)| {
        let squeezed =
            if prior.is_infinite() { usual } else { (prior * usual + own * variance) / (prior + own) };
        let t = (b[0] - a[0]) / (squeezed * (1.0 / base + 1.0 / new)).sqrt();
        t_two_sided(t, (prior + own).min(own * count))
    };
    discoveries(&rows.iter().zip(&variances).map(p_value).collect::<Vec<_>>())
}

const USUAL: World =
    World { sites: 300, variation: 0.2, intervals: [524_288.0; 2], differ: Differ::Rows, changed: 0 };

/// Three standard errors of a share of 5 % in this many trials.
fn room(trials: u64) -> f64 {
    3.0 * (FDR * (1.0 - FDR) / trials as f64).sqrt()
}

#[test]
fn equal_groups_are_called_different_in_five_of_a_hundred_comparisons_at_most() {
    let (mut table, mut sum, mut settings) = (String::new(), 0.0, 0.0);
    for counts in [[3, 3], [5, 5], [10, 10], [40, 40], [3, 40]] {
        for (variation, interval, differ) in [
            (0.0, 524_288.0, Differ::Rows),
            (0.2, 65_536.0, Differ::Rows),
            (0.5, 2_097_152.0, Differ::Rows),
            (0.3, 524_288.0, Differ::HeavyTails),
            (0.3, 524_288.0, Differ::Load),
        ] {
            let trials = if counts[1] == 40 { 20 } else { 80 };
            let world = World { variation, intervals: [interval; 2], differ, ..USUAL };
            let it = simulate(&world, counts, trials);
            let _ = writeln!(
                table,
                "{counts:?} {variation} {interval} {differ:?}: false {:.3}, coverage {:.3}",
                it.false_discoveries, it.coverage
            );
            assert!(it.false_discoveries <= FDR + room(trials), "{table}");
            // All intervals of a process move with its load, so each comparison is one witness, and not 300.
            let least = if differ == Differ::Load { 0.95 - room(trials) } else { 0.92 };
            assert!((least..=0.985).contains(&it.coverage), "{table}");
            sum += it.false_discoveries;
            settings += 1.0;
        }
    }
    let mean = sum / settings;
    println!("{table}mean of false discoveries {mean:.3}");
    // What is never wrong gives power away.
    assert!((0.01..=FDR).contains(&mean), "{table}{mean}");
}

#[test]
fn intervals_that_differ_between_the_groups_are_no_difference() {
    for intervals in [[65_536.0, 2_097_152.0], [524_288.0, 131_072.0]] {
        let it = simulate(&World { intervals, ..USUAL }, [5, 5], 60);
        assert!(it.false_discoveries <= FDR + room(60), "{intervals:?} {it:?}");
    }
}

#[test]
fn sites_that_grew_are_found_more_often_than_by_others() {
    let mut table = String::new();
    for (processes, trials) in [(5, 100), (10, 40), (20, 20)] {
        let it = simulate(&World { changed: 15, ..USUAL }, [processes; 2], trials);
        let _ = writeln!(table, "{processes} a side: {it:.3?}");
        assert!(it.false_discoveries <= FDR + 0.03, "{table}");
        let [root, log, welch] = it.rivals;
        assert!(it.power >= root.max(log), "less power than limma: {table}");
        assert!(processes > 5 || it.power >= 1.5 * welch, "less than 1.5 times Welch's power: {table}");
    }
    println!("{table}");
}

#[test]
fn sampling_error_alone_would_call_what_processes_differ_by() {
    // The planted fault: a test that takes every difference beyond sampling for one of the groups.
    let mut alarms = 0;
    for trial in 0..20 {
        let (matrix, _) = USUAL.draw([5, 5], &mut Random::new(trial));
        let p_value = |(values, variances): (&Vec<f64>, &Vec<f64>)| {
            let sum = |of: &[f64], side| {
                of.iter().zip(&matrix.sides).filter(|it| *it.1 == side).map(|it| *it.0).sum::<f64>()
            };
            let change = sum(values, GroupSide::New) - sum(values, GroupSide::Base);
            let error = variances.iter().sum::<f64>().sqrt();
            if error > 0.0 { t_two_sided(change / error, f64::INFINITY) } else { 1.0 }
        };
        let p_values: Vec<f64> = matrix.values.iter().zip(&matrix.variances).map(p_value).collect();
        alarms += u32::from(discoveries(&p_values).contains(&true));
    }
    assert!(alarms >= 15, "{alarms} of 20");
}
