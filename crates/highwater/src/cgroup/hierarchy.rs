//! Finds the control groups of this process: the mounts that show them, and the directories up to the root.
//!
//! `/proc/self/cgroup` names the group in each hierarchy, relative to the root of the process's cgroup
//! namespace. `/proc/self/mountinfo` names the group that each mount shows as its root, relative to the same
//! root. Both paths may begin with `..`: a process can be above its namespace, and a mount can be older than
//! it.
//! <https://man7.org/linux/man-pages/man7/cgroup_namespaces.7.html>

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Mutex;

use highwater_recorder::own_memory;

use super::group::Group;
use super::system::System;

/// The mount point of control groups if the table of mounts does not name one.
const USUAL: &str = "/sys/fs/cgroup";

/// Maximum directories to search for this process's group if no file names it.
const MAX_SEARCHED: usize = 4096;

/// The hierarchies that limit memory and processor time.
#[derive(Debug)]
pub(super) struct Hierarchies {
    pub memory: Option<Hierarchy>,
    pub cpu: Option<Hierarchy>,
}

/// The group of this process in the hierarchy of a controller.
#[derive(Debug)]
pub(super) struct Hierarchy {
    pub is_v1: bool,
    /// The mount point.
    mount: PathBuf,
    /// The group at the mount's root, relative to the namespace.
    shown: String,
    /// The directory of the process's group, or of the nearest visible group above it.
    folder: PathBuf,
}

/// The last result, with the groups for which it was found. Reading `/proc/self/cgroup` each time is enough
/// to notice that the process was moved to another group; the table of mounts may be long.
static FOUND: Mutex<Option<(String, Hierarchies)>> = Mutex::new(None);

impl Hierarchies {
    /// Calls `read` with the present groups of the process.
    pub(super) fn now<R>(system: &System, read: impl FnOnce(&Self) -> R) -> R {
        // In the child of a fork, the lock may stay locked for ever.
        let Ok(mut found) = FOUND.try_lock() else {
            let groups = system.read("/proc/self/cgroup").unwrap_or_default();
            return read(&Self::find(system, &groups));
        };
        // The cached result is Highwater's own memory, even if the program reads it.
        own_memory(|| {
            let groups = system.read("/proc/self/cgroup").unwrap_or_default();
            if !found.as_ref().is_some_and(|(of, it)| *of == groups && it.are_there(system)) {
                let new = Self::find(system, &groups);
                *found = Some((groups, new));
            }
        });
        match &*found {
            Some((_, hierarchies)) => read(hierarchies),
            None => read(&Self { memory: None, cpu: None }),
        }
    }

    pub(super) fn find(system: &System, groups: &str) -> Self {
        let mounts = system.read("/proc/self/mountinfo").map(|it| mounts(&it)).unwrap_or_default();
        let hierarchy = |controller| Hierarchy::find(system, groups, &mounts, controller);
        Self { memory: hierarchy("memory"), cpu: hierarchy("cpu") }
    }

    fn are_there(&self, system: &System) -> bool {
        [&self.memory, &self.cpu].into_iter().flatten().all(|it| system.has_directory(&it.folder))
    }
}

/// A mount of control groups.
#[derive(Debug)]
struct Mount {
    shown: String,
    place: PathBuf,
    is_v1: bool,
    /// The options of the file system. For version 1 they name the controllers.
    options: String,
}

impl Hierarchy {
    fn find(system: &System, groups: &str, mounts: &[Mount], controller: &str) -> Option<Self> {
        // The form is `number:controllers:path`. Version 2 has one line with number 0 and without
        // controllers; version 1 has one line for each hierarchy.
        let mut fields = groups.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
        let v1 = fields.clone().find(|(controllers, _)| controllers.split(',').any(|it| it == controller));
        let is_v1 = v1.is_some();
        let (controllers, path) = v1.or_else(|| fields.find(|(controllers, _)| controllers.is_empty()))?;
        let has_it =
            |it: &&Mount| it.is_v1 == is_v1 && (!is_v1 || it.options.split(',').any(|it| it == controller));
        let found: Vec<&Mount> = mounts.iter().filter(has_it).collect();
        if found.is_empty() {
            let place = usual_place(system, is_v1.then_some(controllers), controller);
            return Self::below(system, place, "/", is_v1, path);
        }
        // Of several mounts, choose the one that shows most: its root is highest.
        let below =
            found.iter().filter_map(|it| Self::below(system, it.place.clone(), &it.shown, is_v1, path));
        let distance = |part: &str| if part == ".." { -1 } else { 1 };
        below.min_by_key(|it| parts(&it.shown).map(distance).sum::<i32>())
    }

    /// The group with this path below a mount; `None` if the mount shows only other groups.
    fn below(system: &System, mount: PathBuf, shown: &str, is_v1: bool, path: &str) -> Option<Self> {
        let (above, own): (Vec<&str>, Vec<&str>) = (parts(shown).collect(), parts(path).collect());
        let folder = if let Some(rest) = own.strip_prefix(above.as_slice()) {
            if rest.first() == Some(&"..") {
                return None;
            }
            nearest_directory(system, &mount, mount.join(rest.iter().collect::<PathBuf>()))
        } else {
            // The mount shows groups above the namespace, and the names on the path down are unknown.
            let up = |parts: &[&str]| parts.iter().take_while(|it| **it == "..").count();
            let (shown_up, own_up) = (up(&above), up(&own));
            if shown_up < above.len() || shown_up <= own_up {
                return None;
            }
            let rest: PathBuf = own[own_up..].iter().collect();
            let mut budget = MAX_SEARCHED;
            search(system, &mount, shown_up - own_up, &rest, &mut budget).unwrap_or_else(|| mount.clone())
        };
        system.has_directory(&mount).then(|| Self { is_v1, mount, shown: shown.to_owned(), folder })
    }

    /// The directory of the group and those above it, as far as they are visible.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folder.ancestors().take_while(|it| it.starts_with(&self.mount))
    }

    /// The groups to which the kernel charges this process's memory, innermost first.
    pub(super) fn groups(&self, system: &System) -> Vec<Group> {
        let mut groups = Vec::new();
        for folder in self.folders() {
            // Version 1 charges a group for its subgroups only if configured to, as it always is since Linux
            // 5.11.
            let is_charged = groups.is_empty()
                || !self.is_v1
                || system.number(folder.join("memory.use_hierarchy")) != Some(0);
            if !is_charged {
                break;
            }
            groups.extend(Group::read(system, folder, self.name(folder), self.is_v1));
        }
        groups
    }

    /// The name of a directory's group.
    fn name(&self, folder: &Path) -> String {
        let below = folder.strip_prefix(&self.mount).unwrap_or(folder).to_string_lossy();
        let whole: Vec<&str> = parts(&self.shown).chain(parts(&below)).collect();
        format!("/{}", whole.join("/"))
    }

    /// The tightest quota of processor time on the path to the root.
    pub(super) fn cpu_limit(&self, system: &System) -> Option<f64> {
        self.folders().filter_map(|folder| self.cpus(system, folder)).min_by(f64::total_cmp)
    }

    /// Quota divided by period. A negative quota, or the word `max`, is no limit.
    fn cpus(&self, system: &System, folder: &Path) -> Option<f64> {
        let (quota, period) = if self.is_v1 {
            let number = |name| system.number(folder.join(name));
            (number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
        } else {
            let content = system.read(folder.join("cpu.max"))?;
            let (quota, period) = content.trim().split_once(' ')?;
            (quota.parse().ok()?, period.parse().ok()?)
        };
        (period != 0).then(|| quota as f64 / period as f64)
    }
}

/// The components of a path. `..` is one, and so is `my..svc`.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|it| !it.is_empty())
}

/// The directory, or the nearest existing one above it: a group may be deleted, or a mount may show it as its
/// root.
fn nearest_directory(system: &System, mount: &Path, folder: PathBuf) -> PathBuf {
    let mut on_the_way = folder.ancestors().take_while(|it| it.starts_with(mount));
    on_the_way.find(|it| system.has_directory(it)).unwrap_or(mount).to_owned()
}

/// The directory `depth` levels down, followed by `rest`, that contains this process.
fn search(system: &System, folder: &Path, depth: usize, rest: &Path, budget: &mut usize) -> Option<PathBuf> {
    *budget = budget.checked_sub(1)?;
    if depth == 0 {
        let folder = if rest.as_os_str().is_empty() { folder.to_owned() } else { folder.join(rest) };
        let inside = system.read(folder.join("cgroup.procs"))?;
        let own = process::id().to_string();
        return inside.lines().any(|line| line == own).then_some(folder);
    }
    let entries = fs::read_dir(system.path(folder)).ok()?;
    let is_folder = |it: &fs::DirEntry| it.file_type().is_ok_and(|it| it.is_dir());
    let names = entries.filter_map(Result::ok).filter(is_folder).map(|it| folder.join(it.file_name()));
    names.into_iter().find_map(|it| search(system, &it, depth - 1, rest, budget))
}

/// systemd's mount points: <https://systemd.io/CGROUP_DELEGATION>.
fn usual_place(system: &System, v1: Option<&str>, controller: &str) -> PathBuf {
    let usual = Path::new(USUAL);
    let candidates = match v1 {
        Some(controllers) => [usual.join(controllers), usual.join(controller)],
        None => [usual.join("unified"), usual.to_owned()],
    };
    let [first, second] = candidates;
    if system.has_directory(&first) { first } else { second }
}

/// The mounts of control groups in `/proc/self/mountinfo`. A later mount hides an earlier one at the same
/// place.
/// <https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html>
fn mounts(text: &str) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for line in text.lines() {
        let Some((head, tail)) = line.split_once(" - ") else { continue };
        let (mut head, mut tail) = (head.split(' ').skip(3), tail.split(' '));
        let (Some(shown), Some(place)) = (head.next(), head.next()) else { continue };
        let (kind, options) = (tail.next().unwrap_or(""), tail.nth(1).unwrap_or(""));
        let place = PathBuf::from(unescaped(place));
        mounts.retain(|it| it.place != place);
        if kind == "cgroup" || kind == "cgroup2" {
            let (shown, options) = (unescaped(shown), options.to_owned());
            mounts.push(Mount { shown, place, is_v1: kind == "cgroup", options });
        }
    }
    mounts
}

/// Text without mountinfo's escapes for separators: `\040` is a space.
fn unescaped(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut text = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let octal = part.get(..3).and_then(|it| u8::from_str_radix(it, 8).ok()).filter(u8::is_ascii);
        match octal {
            Some(byte) => {
                text.push(char::from(byte));
                text.push_str(&part[3..]);
            }
            None => {
                text.push('\\');
                text.push_str(part);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unescaped() {
        assert_eq!(unescaped(r"/a\040b\011c\134d"), "/a b\tc\\d");
        assert_eq!(unescaped(r"/a\x2d\9\04"), r"/a\x2d\9\04");
    }

    #[test]
    fn a_mount_hides_the_one_below_it() {
        let text = "31 23 0:28 / /cg rw - cgroup2 cgroup2 rw\n32 31 0:1 / /cg rw - tmpfs none rw\n";
        assert_eq!(mounts(text).len(), 0);
        assert_eq!(mounts(&text.lines().rev().collect::<Vec<_>>().join("\n")).len(), 1);
        // Optional fields are before the dash, and malformed lines are skipped.
        let text = "x\n - \n31 23 0:28 /a /cg rw shared:1 master:2 - cgroup cgroup rw,cpu,memory\n";
        assert_eq!(mounts(text)[0].options, "rw,cpu,memory");
    }
}
