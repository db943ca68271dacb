//! The collection that keeps the blocks of one stack, as a finding shows it.

use crate::frames::attribution;
use crate::frames::frame::Frame;
use crate::frames::types::containers::ContainerRule;
use crate::frames::types::typist::{Judged, Named, Typist};

/// The collection or pointer that keeps what `stack` allocated, leaf first; `None` where it is not known.
pub(crate) fn of_frames(stack: &[Frame], rules: &[ContainerRule]) -> Option<String> {
    let typist = Typist { rules };
    let judge = |frame: &Frame| {
        let (function, file) = (frame.function.as_deref(), frame.file.as_deref());
        let class = attribution::judge(function, file).class;
        typist.judge(&Named { function, file, class, is_rust: frame.crate_name.is_some() })
    };
    let judged: Vec<Judged> = stack.iter().map(judge).collect();
    Typist::type_of(judged.iter()).ok().map(|found| found.container)
}
