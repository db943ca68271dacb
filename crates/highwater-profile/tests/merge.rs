//! Profiles added up: what is the same in them, what is not, and what cannot be.

use highwater_profile::{
    Label, LabelValue, Line, Location, LocationId, Mapping, MergeError, Meta, Profile, ValueType, merge,
};

/// A profile of one process of the program `demo`.
struct Process {
    profile: Profile,
    mapping: highwater_profile::MappingId,
    start: u64,
}

impl Process {
    /// The program lies at `start`.
    fn new(build_id: &str, start: u64) -> Self {
        let types = [("inuse_objects", "count"), ("inuse_space", "bytes")];
        let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = 4096;
        let (file, build_id) = (profile.strings.intern("/opt/demo"), profile.strings.intern(build_id));
        let mapping = Mapping {
            start,
            limit: start + 0x1000,
            file_offset: 0x200,
            file,
            build_id,
            ..Mapping::default()
        };
        let mapping = profile.add_mapping(mapping);
        Self { profile, mapping, start }
    }

    fn at(&mut self, offset: u64) -> LocationId {
        self.profile.add_location(Location::at(Some(self.mapping), self.start + offset))
    }

    fn named(&mut self, offset: u64, name: &str, line: i64) -> LocationId {
        let function =
            self.profile.add_function(name, &format!("{name}::h{:016x}", self.start), "src/main.rs");
        let lines = vec![Line::new(function, line)];
        let at = Location::at(Some(self.mapping), self.start + offset);
        self.profile.add_location(Location { lines, ..at })
    }

    fn row(&mut self, stack: &[LocationId], bytes: i64) -> &mut Self {
        let key = self.profile.strings.intern("bytes");
        let label = Label { key, value: LabelValue::Number(16, key) };
        self.profile.samples.push(stack, &[bytes / 16, bytes], &[label]);
        self
    }
}

fn rows(profile: &Profile) -> Vec<(Vec<u64>, i64)> {
    let address = |id: &LocationId| profile.location(*id).address;
    let row = |it: highwater_profile::Sample<'_>| (it.stack.iter().map(address).collect(), it.values[1]);
    profile.samples.iter().map(row).collect()
}

fn merged(processes: [Process; 2]) -> Profile {
    merge(&processes.map(|it| it.profile)).unwrap()
}

#[test]
fn one_build_is_one_program_wherever_it_was_loaded() {
    let processes = [0x1000_0000, 0x7000_0000].map(|start| {
        let mut process = Process::new("abcd", start);
        let [leaf, main] = [process.at(0x10), process.at(0x80)];
        process.row(&[leaf, main], 160).row(&[main], 32);
        process
    });
    let sum = merged(processes);
    assert_eq!(rows(&sum), [(vec![0x1000_0010, 0x1000_0080], 320), (vec![0x1000_0080], 64)]);
    assert_eq!((sum.mappings().len(), sum.locations().len()), (1, 2));
}

#[test]
fn names_of_one_profile_serve_the_other() {
    for named_first in [true, false] {
        let processes = [named_first, !named_first].map(|named| {
            let mut process = Process::new("abcd", if named { 0x1000 } else { 0x9000 });
            let location = if named { process.named(0x10, "demo::f", 7) } else { process.at(0x10) };
            process.row(&[location], 16);
            process
        });
        let sum = merged(processes);
        assert_eq!((sum.samples.len(), sum.samples.total(1)), (1, 32));
        assert_eq!(sum.location(sum.samples.get(0).stack[0]).lines.len(), 1);
    }
}

#[test]
fn two_builds_are_compared_by_source() {
    let builds = [("abcd", 0x1000, 0x10), ("ef01", 0x1000, 0x20)].map(|(build_id, start, offset)| {
        let mut process = Process::new(build_id, start + offset);
        let same = process.named(offset, "demo::f", 7);
        let other_line = process.named(offset + 1, "demo::f", offset as i64);
        // Equal offsets in two builds are two places.
        let nameless = process.at(0x500);
        process.row(&[same], 16).row(&[other_line], 32).row(&[nameless], 64);
        process
    });
    let sum = merged(builds);
    let bytes: Vec<i64> = rows(&sum).into_iter().map(|row| row.1).collect();
    assert_eq!(bytes, [32, 32, 64, 32, 64]);
    let same = sum.location(sum.samples.get(0).stack[0]);
    assert_eq!((same.address, same.lines.len()), (0, 1), "it is at no address of either build");
    assert_eq!(sum.mappings().len(), 2);
}

#[test]
fn without_build_ids_addresses_are_nobody_elses() {
    let processes = [(), ()].map(|()| {
        let mut process = Process::new("", 0x1000);
        let (nameless, named) = (process.at(0x10), process.named(0x20, "demo::f", 7));
        process.row(&[nameless], 16).row(&[named], 16);
        process
    });
    let sum = merged(processes);
    assert_eq!(rows(&sum).into_iter().map(|row| row.1).collect::<Vec<_>>(), [16, 32, 16]);
}

#[test]
fn rows_keep_their_own_interval() {
    let process = |period: i64, bytes: i64| {
        let mut process = Process::new("abcd", 0x1000);
        process.profile.period = period;
        let location = process.at(0x10);
        process.row(&[location], bytes);
        process
    };
    let intervals = |sum: &Profile| {
        let key = sum.strings.find("interval");
        sum.samples.iter().map(|row| key.and_then(|key| row.number(key))).collect::<Vec<_>>()
    };
    let sum = merged([process(4096, 16), process(4096, 32)]);
    assert_eq!((sum.period, intervals(&sum), sum.samples.total(1)), (4096, vec![None], 48));
    let sum = merged([process(1, 16), process(4096, 32)]);
    assert_eq!((sum.period, intervals(&sum), sum.samples.total(1)), (4096, vec![Some(1), None], 48));
    let sum = merged([process(0, 16), process(4096, 32)]);
    assert_eq!((sum.period, intervals(&sum)), (0, vec![None, Some(4096)]));
}

#[test]
fn what_is_numbered_within_a_process_tells_no_rows_apart() {
    let processes = [3, 4].map(|epoch| {
        let mut process = Process::new("abcd", 0x1000);
        let location = process.at(0x10);
        let key = process.profile.strings.intern("birth_epoch");
        let label = Label { key, value: LabelValue::Number(epoch, key) };
        process.profile.samples.push(&[location], &[1, 16], &[label]);
        process
    });
    assert_eq!(rows(&merged(processes)), [(vec![0x1010], 32)]);
}

#[test]
fn what_rows_are_off_adds_up_and_tells_no_rows_apart() {
    let processes = [9, 16].map(|variance| {
        let mut process = Process::new("abcd", 0x1000);
        let location = process.at(0x10);
        let key = process.profile.strings.intern("variance");
        let label = Label { key, value: LabelValue::Number(variance, key) };
        process.profile.samples.push(&[location], &[1, 16], &[label]);
        process
    });
    let sum = merged(processes);
    assert_eq!(rows(&sum), [(vec![0x1010], 32)]);
    let key = sum.strings.find("variance").unwrap();
    assert_eq!(sum.samples.get(0).number(key), Some(25));
}

#[test]
fn columns_are_matched_by_what_they_count() {
    let mut first = Process::new("abcd", 0x1000);
    let location = first.at(0x10);
    first.row(&[location], 160);
    let types = [("inuse_space", "bytes"), ("inuse_objects", "count")];
    let mut second = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
    second.samples.push(&[], &[3200, 200], &[]);
    let sum = merge(&[first.profile, second]).unwrap();
    assert_eq!((sum.samples.total(0), sum.samples.total(1)), (210, 3360));
}

#[test]
fn facts_are_added_up_and_those_of_one_process_left_out() {
    let processes = [5, 7].map(|peak| {
        let mut process = Process::new("abcd", 0x1000);
        let meta = Meta { format: Some(1), process: Some(peak), peak_bytes: Some(peak), ..Meta::default() };
        process.profile.meta = Some(Meta { exact: Some(peak - 5), ..meta });
        process.profile.time_ns = 100 * peak;
        process.profile.duration_ns = peak;
        process
    });
    let sum = merged(processes);
    let meta = sum.meta.unwrap();
    assert_eq!(
        (meta.peak_bytes, meta.process, meta.exact, meta.alloc_bytes),
        (Some(12), None, Some(0), None)
    );
    assert_eq!((sum.time_ns, sum.duration_ns), (500, 12));
}

#[test]
fn what_does_not_add_up_is_refused() {
    assert!(matches!(merge(&[]), Err(MergeError::Nothing)));
    let process = || Process::new("abcd", 0x1000).profile;
    let cpu = Profile::new(vec![ValueType::new("cpu", "nanoseconds")]);
    let error = merge(&[process(), process(), cpu]).unwrap_err();
    assert!(matches!(error, MergeError::SampleTypes { at: 2, .. }), "{error}");
    assert!(error.to_string().contains("cpu (nanoseconds)"), "{error}");
    let mut other = process();
    other.period_type = Some(ValueType::new("objects", "count"));
    assert!(matches!(merge(&[process(), other]), Err(MergeError::PeriodTypes { at: 1, .. })));
    let huge = || {
        let mut process = process();
        process.samples.push(&[], &[1, i64::MAX], &[]);
        process
    };
    let error = merge(&[huge(), huge()]).unwrap_err();
    assert_eq!(error, MergeError::Overflow { at: 1, kind: "inuse_space".to_owned() });
}

#[test]
fn one_profile_stays_what_it_is() {
    let mut process = Process::new("abcd", 0x1000);
    let (leaf, main) = (process.named(0x10, "demo::f", 7), process.at(0x20));
    process.row(&[leaf, main], 160).row(&[main], 32);
    let before = process.profile;
    let after = merge(std::slice::from_ref(&before)).unwrap();
    assert_eq!(rows(&after), rows(&before));
    assert_eq!(after.sample_types(), before.sample_types());
    assert_eq!((after.period, after.mappings()[0].start), (before.period, 0x1000));
}
