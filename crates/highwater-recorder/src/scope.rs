//! Scopes: names that a program gives to what it is doing, which the samples recorded meanwhile carry.
//!
//! A scope is known by its path, `import/parse`, which is stored once; a thread's current scope is one
//! pointer.

use core::cell::Cell;
use core::marker::PhantomData;

use highwater_lockfree::arena;
use highwater_lockfree::chain::{ChainTable, hash};

/// Longest path in bytes. What would make it longer is left out.
const MAX_PATH: usize = 200;

static SCOPES: ChainTable<ScopePath, { 1 << 8 }> = ChainTable::new();

thread_local! {
    static CURRENT: Cell<Option<&'static ScopePath>> = const { Cell::new(None) };
}

/// One scope, that is one path.
#[derive(Debug)]
pub struct ScopePath {
    path: &'static str,
}

impl ScopePath {
    /// The names of this scope and those around it, outermost first, separated by `/`.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The scope with this path. `None` when there is no memory for a new one.
    fn at(path: &str) -> Option<&'static Self> {
        SCOPES.get_or_add(
            hash(path.bytes().map(u64::from)),
            |scope| scope.path == path,
            || Some(Self { path: arena::place_str(path)? }),
        )
    }

    /// The scope called `name` inside of `outer`.
    fn inside(outer: Option<&'static Self>, name: &str) -> Option<&'static Self> {
        let Some(outer) = outer else {
            return Self::at(&name[..char_boundary(name, MAX_PATH)]);
        };
        let mut path = [0; MAX_PATH];
        let mut length = 0;
        for piece in [outer.path, "/", name] {
            let kept = char_boundary(piece, MAX_PATH - length);
            path[length..length + kept].copy_from_slice(&piece.as_bytes()[..kept]);
            length += kept;
        }
        core::str::from_utf8(&path[..length]).ok().and_then(Self::at)
    }
}

/// The last boundary between letters up to `most` bytes.
fn char_boundary(text: &str, most: usize) -> usize {
    (0..=most.min(text.len())).rfind(|it| text.is_char_boundary(*it)).unwrap_or(0)
}

/// The calling thread's scope.
#[inline]
pub fn current() -> Option<&'static ScopePath> {
    CURRENT.get()
}

/// Keeps a thread in a scope; leaves it when dropped. Guards are to be dropped in the reverse order of their
/// making, and in the thread that made them.
#[derive(Debug)]
#[must_use = "the scope ends when this is dropped"]
pub struct Entered {
    outer: Option<&'static ScopePath>,
    stays_in_its_thread: PhantomData<*const ()>,
}

/// Enters the scope called `name` inside of the current one. When the recorder has no memory left for a new
/// name the thread stays in the scope it is in.
pub fn enter(name: &str) -> Entered {
    let outer = current();
    enter_exactly(ScopePath::inside(outer, name).or(outer))
}

/// Enters a scope of another thread, or with `None` leaves all.
pub fn enter_exactly(scope: Option<&'static ScopePath>) -> Entered {
    Entered { outer: CURRENT.replace(scope), stays_in_its_thread: PhantomData }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_nest_and_end() {
        let path = || current().map(ScopePath::path);
        assert_eq!(path(), None);
        let outer = enter("import");
        {
            let _inner = enter("parse");
            assert_eq!(path(), Some("import/parse"));
            let elsewhere = enter_exactly(None);
            assert_eq!(path(), None);
            drop(elsewhere);
            assert_eq!(path(), Some("import/parse"));
        }
        assert_eq!(path(), Some("import"));
        drop(outer);
        assert_eq!(path(), None);
    }

    #[test]
    fn a_path_is_stored_once_and_cut_between_characters() {
        let first = enter_current("once");
        let again = enter_current("once");
        assert!(core::ptr::eq(first, again));
        let long = "ä".repeat(MAX_PATH);
        let cut = enter_current(&long);
        assert_eq!(cut.path, "ä".repeat(MAX_PATH / 2));
        let _outer = enter(&long[..MAX_PATH - 2]);
        assert_eq!(enter_current(&long).path, format!("{}/", "ä".repeat(MAX_PATH / 2 - 1)));
    }

    fn enter_current(name: &str) -> &'static ScopePath {
        let _entered = enter(name);
        current().unwrap()
    }
}
