//! Call sites of a ledger: a stack in an account, with what was allocated there.
//!
//! The same stack in a ledger and in the one around it are two sites. The first knows the second, and a block
//! is in both.

use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use highwater_lockfree::chain::{ChainTable, hash};
use highwater_unwind::KnownStack;

use crate::account::Account;
use crate::numbers::{Numbers, Stack};

/// Frames kept of a stack.
const MOST_FRAMES: usize = 1024;

static SITES: ChainTable<AccountSite, { 1 << 13 }> = ChainTable::new();

pub(crate) struct AccountSite {
    account: &'static Account,
    /// The same stack in the account around that one.
    outer: Option<&'static AccountSite>,
    numbers: Numbers,
    /// 0 until the site is in its account's list.
    is_linked: AtomicU64,
}

impl AccountSite {
    /// The site of the calling stack in this account. `None` when the tables' memory is used up.
    pub(crate) fn here(account: &'static Account) -> Option<&'static Self> {
        // Whether a block is the process's may follow from an outer call, so more are kept than the recorder
        // keeps.
        let mut stack = highwater_unwind::Stack::<MOST_FRAMES>::new();
        highwater_unwind::walk_seldom(&mut stack);
        Self::of(account, KnownStack::of_any(&stack)?)
    }

    fn of(account: &'static Account, stack: KnownStack) -> Option<&'static Self> {
        // From the outermost inwards, in a loop: nothing bounds how many there are.
        let depth = core::iter::successors(Some(account), |it| it.outer()).count();
        let mut site: Option<&'static Self> = None;
        for level in (0..depth).rev() {
            let account = core::iter::successors(Some(account), |it| it.outer()).nth(level)?;
            site = Some(Self::at(account, stack, site)?);
        }
        site
    }

    fn at(
        account: &'static Account,
        stack: KnownStack,
        outer: Option<&'static Self>,
    ) -> Option<&'static Self> {
        let identity = |it: Option<&'static Self>| it.map_or(0, |it| ptr::from_ref(it).addr());
        let frames = stack.frames();
        let words = [ptr::from_ref(account).addr(), identity(outer), frames.as_ptr().addr()];
        let site = SITES.get_or_add(
            hash(words.map(|it| it as u64)),
            |site| {
                ptr::eq(site.account, account)
                    && identity(site.outer) == words[1]
                    && ptr::eq(site.numbers.frames(), frames)
            },
            || Some(Self { account, outer, numbers: Numbers::new(stack), is_linked: AtomicU64::new(0) }),
        )?;
        if site.is_linked.load(Ordering::Relaxed) == 0 && site.is_linked.swap(1, Ordering::Relaxed) == 0 {
            account.link(&site.numbers);
        }
        Some(site)
    }

    /// Counts a block, here and in all around.
    pub(crate) fn add(&'static self, size: u64) {
        for site in self.outwards() {
            site.numbers.add(size);
            site.account.add(size);
        }
    }

    /// Counts the end of a block.
    pub(crate) fn remove(&'static self, size: u64) {
        for site in self.outwards() {
            site.numbers.remove(size);
            site.account.remove(size);
        }
    }

    fn outwards(&'static self) -> impl Iterator<Item = &'static Self> {
        core::iter::successors(Some(self), |site| site.outer)
    }

    /// Whether its blocks are also blocks of `account`.
    pub(crate) fn is_in(&'static self, account: &'static Account) -> bool {
        self.outwards().any(|it| ptr::eq(it.account, account))
    }

    /// Whether both are of the same account.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        ptr::eq(self.account, other.account)
    }

    pub(crate) fn frames(&self) -> Stack {
        self.numbers.frames()
    }
}
