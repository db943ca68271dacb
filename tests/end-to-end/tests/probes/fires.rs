//! The events that a listener received, and the events that it should have received.

use std::collections::{BTreeMap, HashMap};

use highwater_profile::Profile;

/// Makes gdb write a line for each fired probe. A breakpoint at a probe makes gdb raise its semaphore.
pub const SCRIPT: &str = "\
set pagination off
set breakpoint pending off
set print thread-events off
break -probe-stap otel_memory:alloc
commands
silent
printf \"FIRE alloc %lu %lu %lu\\n\", $_probe_arg0, $_probe_arg1, $_probe_arg2
continue
end
break -probe-stap otel_memory:free
commands
silent
printf \"FIRE free %lu\\n\", $_probe_arg0
continue
end
run
";

/// One firing of a probe.
#[derive(Clone, Copy, Debug)]
pub enum Fire {
    Alloc { block: u64, size: u64, weight_bytes: u64 },
    Free { block: u64 },
}

/// Size of the last block that is in the program's profile.
const LAST_BYTES: u64 = 7_777_777;

/// The lines of [`SCRIPT`] in gdb's output, of those that are about blocks in the profile.
pub fn parse(output: &str) -> Vec<Fire> {
    let mut fires = all(output);
    if let Some(last) =
        fires.iter().position(|it| matches!(it, Fire::Alloc { size, .. } if *size == LAST_BYTES))
    {
        fires.truncate(last + 1);
    }
    fires
}

fn all(output: &str) -> Vec<Fire> {
    output
        .lines()
        .filter_map(|line| line.strip_prefix("FIRE "))
        .map(|line| {
            let (kind, numbers) = line.split_once(' ').unwrap_or((line, ""));
            let numbers: Vec<u64> = numbers.split(' ').filter_map(|it| it.parse().ok()).collect();
            match (kind, &numbers[..]) {
                ("alloc", &[block, size, weight_bytes]) => Fire::Alloc { block, size, weight_bytes },
                ("free", &[block]) => Fire::Free { block },
                _ => panic!("not a fire: {line}"),
            }
        })
        .collect()
}

/// Samples of one block size: the numbers of taken and of live ones, and the values that they represent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    samples: i64,
    alive: i64,
    weight_bytes: f64,
}

/// Compares fired probes with the samples of a profile, size by size.
///
/// # Errors
/// The first difference.
pub fn compare(fires: &[Fire], profile: &Profile) -> Result<(), String> {
    let heard = heard(fires)?;
    let recorded = recorded(profile)?;
    let is_exact = profile.period == 1;
    let total = |sums: &BTreeMap<u64, Sum>| sums.values().map(|it| it.samples).sum::<i64>();
    let said = profile.meta.and_then(|meta| meta.samples);
    if Some(total(&heard)) != said {
        return Err(format!("{} blocks heard of, {said:?} samples taken", total(&heard)));
    }
    if is_exact {
        // In that mode sizes share rows, so only the sums can be compared.
        let sum = |sums: &BTreeMap<u64, Sum>| {
            sums.values().fold(Sum::default(), |all, one| Sum {
                samples: all.samples + one.samples,
                alive: all.alive + one.alive,
                weight_bytes: all.weight_bytes + one.weight_bytes,
            })
        };
        let (heard, recorded) = (sum(&heard), sum(&recorded));
        return if heard == recorded {
            Ok(())
        } else {
            Err(format!("{heard:?} heard of, {recorded:?} recorded"))
        };
    }
    if !heard.keys().eq(recorded.keys()) {
        return Err(format!("sizes {:?} heard of, {:?} recorded", heard.keys(), recorded.keys()));
    }
    for (size, heard) in &heard {
        let recorded = recorded[size];
        // Each weight is rounded by itself, and so is the sum of each row.
        let rounding = 0.5 * heard.samples as f64 + 0.5 * recorded.samples as f64 + 1.0;
        if (heard.samples, heard.alive) != (recorded.samples, recorded.alive)
            || (heard.weight_bytes - recorded.weight_bytes).abs() > rounding
        {
            return Err(format!("{size} bytes: {heard:?} heard of, {recorded:?} recorded"));
        }
    }
    Ok(())
}

/// Follows each block from one event to the next.
fn heard(fires: &[Fire]) -> Result<BTreeMap<u64, Sum>, String> {
    let mut sums = BTreeMap::<u64, Sum>::new();
    let mut alive = HashMap::new();
    for fire in fires {
        match *fire {
            Fire::Alloc { block, size, weight_bytes } => {
                if alive.insert(block, size).is_some() {
                    return Err(format!("{block:#x} was allocated twice and never freed"));
                }
                let sum = sums.entry(size).or_default();
                sum.samples += 1;
                sum.alive += 1;
                sum.weight_bytes += weight_bytes as f64;
            }
            Fire::Free { block } => {
                let size = alive.remove(&block).ok_or_else(|| format!("{block:#x} was freed unallocated"))?;
                sums.entry(size).or_default().alive -= 1;
            }
        }
    }
    Ok(sums)
}

/// The content of the profile's rows, with estimates converted back into numbers of samples.
fn recorded(profile: &Profile) -> Result<BTreeMap<u64, Sum>, String> {
    let column = |kind| profile.sample_type(kind).ok_or_else(|| format!("no {kind}"));
    let (allocated, alive, bytes) =
        (column("alloc_objects")?, column("inuse_objects")?, column("alloc_space")?);
    let key = profile.strings.find("bytes").ok_or("no sizes")?;
    let mut sums = BTreeMap::<u64, Sum>::new();
    for sample in profile.samples.iter().filter(|it| !it.stack.is_empty()) {
        let size = sample.number(key).ok_or("a row without its size")? as u64;
        // The probability that a block of this size is sampled.
        let chance =
            if profile.period == 1 { 1.0 } else { -(-(size as f64) / profile.period as f64).exp_m1() };
        let samples = |column: usize| (sample.values[column] as f64 * chance).round() as i64;
        let sum = sums.entry(size).or_default();
        sum.samples += samples(allocated);
        sum.alive += samples(alive);
        sum.weight_bytes += sample.values[bytes] as f64;
    }
    Ok(sums)
}
