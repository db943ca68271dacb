//! The same program as `shapes.rs`, profiled by the crate dhat. With the argument `ad-hoc` it reports events
//! of its own instead of its heap.
#![forbid(unsafe_code)]

#[path = "shapes.rs"]
mod shapes;

#[global_allocator]
static ALLOC: dhat::Alloc = dhat::Alloc;

#[inline(never)]
fn request(weight: usize) {
    dhat::ad_hoc_event(weight);
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("ad-hoc") {
        let _profiler = dhat::Profiler::new_ad_hoc();
        (1..=10).for_each(request);
        request(1_000);
    } else {
        let _profiler = dhat::Profiler::new_heap();
        shapes::run();
    }
}
