//! The parts on real threads: few interleavings, but the real atomics and sizes.

mod arena_tests {
    use core::ptr;

    use crate::arena::{place, place_slice};

    #[test]
    fn pieces_are_aligned_and_do_not_overlap() {
        #[repr(align(128))]
        struct Wide(#[allow(dead_code, reason = "only its size counts")] [u8; 128]);
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                std::thread::spawn(move || {
                    (0..10_000_usize)
                        .map(|i| {
                            let wide = place(Wide([0; 128])).unwrap();
                            assert_eq!(ptr::from_ref(wide).addr() % 128, 0);
                            place_slice(&[thread, i, thread ^ i]).unwrap()
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        for (thread, pieces) in threads.into_iter().map(|it| it.join().unwrap()).enumerate() {
            for (i, piece) in pieces.iter().enumerate() {
                assert_eq!(*piece, [thread, i, thread ^ i]);
            }
        }
    }
}

mod chain_tests {
    use core::ptr;

    use crate::chain::ChainTable;

    #[test]
    fn threads_that_add_the_same_values_agree_on_the_entries() {
        // Few buckets and equal hashes, so that every path of an insertion is taken.
        static TABLE: ChainTable<u64, 4> = ChainTable::new();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    (0..2_000_u64)
                        .map(|value| {
                            let entry = TABLE.get_or_add(value % 7, |it| *it == value, || Some(value));
                            ptr::from_ref(entry.unwrap()).addr()
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let seen: Vec<_> = threads.into_iter().map(|it| it.join().unwrap()).collect();
        assert!(seen.iter().all(|it| *it == seen[0]));
        let mut values: Vec<u64> = TABLE.iter().copied().collect();
        values.sort_unstable();
        assert_eq!(values, (0..2_000).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_added_without_memory() {
        static TABLE: ChainTable<u64, 1> = ChainTable::new();
        assert!(TABLE.get_or_add(1, |_| true, || None).is_none());
        assert_eq!(TABLE.iter().count(), 0);
    }
}

mod spin_tests {
    use crate::spin::SpinLock;

    #[test]
    fn one_at_a_time() {
        static COUNT: SpinLock<u64> = SpinLock::new(0);
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..10_000).for_each(|_| *COUNT.lock().unwrap() += 1)))
            .collect();
        threads.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(*COUNT.lock().unwrap(), 40_000);
    }

    #[test]
    fn a_thread_that_already_holds_it_goes_on_without() {
        let lock = SpinLock::new(());
        let held = lock.lock();
        assert!(lock.lock().is_none());
        assert!(lock.lock().is_none(), "whoever gave up released it");
        drop(held);
        assert!(lock.lock().is_some());
    }

    #[test]
    fn a_fork_holds_it_unless_the_forking_thread_has_it() {
        let lock = SpinLock::new(());
        lock.hold_for_fork();
        assert!(lock.lock().is_none());
        lock.release_after_fork();
        let held = lock.lock();
        assert!(held.is_some());
        lock.hold_for_fork();
        lock.release_after_fork();
        assert!(lock.lock().is_none(), "the fork released what it did not hold");
        drop(held);
        assert!(lock.lock().is_some());
    }
}

mod block_table_tests {
    use core::ptr::{self, NonNull};
    use core::sync::atomic::Ordering;
    use std::collections::HashMap;

    use crate::block_table::BlockTable;

    /// The table against a plain map, with clustered addresses so that probes run into each other.
    #[test]
    fn behaves_like_a_map() {
        static TABLE: BlockTable<(u64, bool)> = BlockTable::new();
        let mut reference = HashMap::new();
        let mut random = 1_u64;
        for step in 0..200_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step | 1);
            let block =
                NonNull::new(ptr::without_provenance_mut::<u8>((random >> 40) as usize % 4_096 * 16 + 16));
            let block = block.unwrap();
            if random & 1 == 0 && reference.len() < 3_000 {
                let value = (random >> 8, random & 2 == 0);
                assert!(TABLE.insert(block, value));
                reference.insert(block, value);
            } else {
                assert_eq!(TABLE.remove(block), reference.remove(&block));
            }
            assert_eq!(TABLE.look(block.addr().get(), |it| it), reference.get(&block).copied());
            assert!(TABLE.may_have(block.addr().get()) || !reference.contains_key(&block));
        }
        let mut seen = HashMap::new();
        TABLE.visit(|block, value| assert!(seen.insert(block, value).is_none()));
        let expected = reference.iter().map(|(block, value)| (block.addr().get(), *value)).collect();
        assert_eq!(seen, expected);
        for (block, value) in reference {
            assert_eq!(TABLE.remove(block), Some(value));
        }
        assert!(TABLE.filter.iter().all(|cell| cell.load(Ordering::Relaxed) == 0));
        assert!(!TABLE.may_have(16));
    }
}

mod address_cache_tests {
    use crate::address_cache::AddressCache;

    type Cache = AddressCache<34>;

    #[test]
    fn an_entry_is_found_by_its_own_address_only() {
        static CACHE: Cache = Cache::new();
        let get = |address| Some(CACHE.look(address)).filter(|it| Cache::is_value(*it));
        let address = 0x5555_5555_4321_usize;
        assert_eq!(get(0), None, "an empty entry");
        assert_eq!(get(address), None);
        CACHE.put(address, 3);
        assert_eq!(get(address), Some(3));
        // Every address that differs in one of the lower bits is another one, wherever it falls.
        for bit in 0..44 {
            assert_eq!(get(address ^ 1 << bit), None, "bit {bit}");
        }
        CACHE.put(address, u64::MAX);
        assert_eq!(get(address), Some((1 << 34) - 1), "no bit of the value falls on the address");
    }
}
