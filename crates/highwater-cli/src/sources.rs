//! Finds and reads the source files that profiles name.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use highwater_analyze::Listing;
use highwater_report::Source;

/// Maximum bytes of a source file. No source that people read is larger.
const MOST_BYTES: u64 = 64 << 20;

/// The sources of all functions in an answer. `directories` are searched if a path does not exist; `time_ns`
/// is when the profile was taken, in nanoseconds since 1970-01-01 UTC.
pub(crate) fn load(listing: &Listing, directories: &[PathBuf], time_ns: i64) -> HashMap<String, Source> {
    let mut sources = HashMap::new();
    for file in listing.functions.iter().filter_map(|it| it.file.as_ref()) {
        if !sources.contains_key(file) {
            sources.insert(file.clone(), source(file, directories, time_ns));
        }
    }
    sources
}

fn source(file: &str, directories: &[PathBuf], time_ns: i64) -> Source {
    let Some(path) = candidates(file, directories).into_iter().find(|it| it.is_file()) else {
        return Source::Missing(format!("it is not at {file}"));
    };
    match read(&path) {
        Ok((text, changed)) => {
            let taken = u64::try_from(time_ns).ok().map(|ns| UNIX_EPOCH + Duration::from_nanos(ns));
            let is_newer =
                changed.zip(taken.filter(|_| time_ns > 0)).is_some_and(|(changed, taken)| changed > taken);
            Source::Lines { lines: text.lines().map(str::to_owned).collect(), is_newer }
        }
        Err(reason) => Source::Missing(format!("{}: {reason}", path.display())),
    }
}

/// The possible paths of a file: its own path, and in each directory every suffix of that path, longest
/// first.
fn candidates(file: &str, directories: &[PathBuf]) -> Vec<PathBuf> {
    let unified = file.replace('\\', "/");
    // Keeps only normal path components, so that a profile cannot leave a directory with `..`.
    let names: Vec<&Path> = Path::new(&unified)
        .components()
        .filter_map(|it| match it {
            Component::Normal(name) => Some(Path::new(name)),
            _ => None,
        })
        .collect();
    let mut candidates = vec![PathBuf::from(file)];
    for directory in directories {
        candidates
            .extend((0..names.len()).map(|from| directory.join(names[from..].iter().collect::<PathBuf>())));
    }
    candidates
}

/// The text of a file and the time of its last modification.
fn read(path: &Path) -> Result<(String, Option<SystemTime>), String> {
    let facts = fs::metadata(path).map_err(|it| it.to_string())?;
    if !facts.is_file() || facts.len() > MOST_BYTES {
        return Err("it is too large for a source file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|it| it.to_string())?;
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|it| it.to_string())?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), facts.modified().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_looked_for_at_its_path_and_by_its_end() {
        let found = candidates("/build/demo/../src/a.rs", &[PathBuf::from("/here")]);
        let expected = [
            "/build/demo/../src/a.rs",
            "/here/build/demo/src/a.rs",
            "/here/demo/src/a.rs",
            "/here/src/a.rs",
            "/here/a.rs",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
        assert_eq!(candidates("C:\\x\\a.rs", &[PathBuf::from("d")]).last(), Some(&PathBuf::from("d/a.rs")));
    }
}
