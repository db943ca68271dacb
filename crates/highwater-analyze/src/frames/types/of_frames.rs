//! The collection that keeps the blocks of one stack, as a finding shows it.

use highwater_names::types::{ContainerRule, Judged, Named, Typist};

use crate::frames::attribution;
use crate::frames::frame::Frame;
use crate::frames::types::stacks::owner;

/// The collection or pointer that keeps what `stack` allocated, leaf first; `None` where it is not known.
pub(crate) fn of_frames(stack: &[Frame], rules: &[ContainerRule]) -> Option<String> {
    let typist = Typist { rules };
    let judge = |frame: &Frame| {
        let (function, file) = (frame.function.as_deref(), frame.file.as_deref());
        let owner = owner(attribution::judge(function, file).class);
        typist.judge(&Named { function, file, owner, is_rust: frame.crate_name.is_some() })
    };
    let judged: Vec<Judged> = stack.iter().map(judge).collect();
    Typist::type_of(judged.iter()).ok().map(|found| found.container)
}
