//! Whether this process checks its tests.

use std::env;
use std::sync::LazyLock;

use highwater_hooks::status;

use crate::message;
use crate::settings::rules::Which;
use crate::settings::{CHECK, settings};

/// Whether threads can be followed here and are to be. The first question plants a thread and looks whether
/// it is found.
pub(crate) fn is_checking() -> bool {
    static CHECKING: LazyLock<bool> = LazyLock::new(|| {
        let is_off = if cfg!(miri) {
            env::var_os(CHECK).is_some_and(|it| it == "off")
        } else {
            settings().which == Which::Off
        };
        if is_off {
            return false;
        }
        let status = status();
        if let Err(reason) = status
            && reason.is_by_design()
        {
            message::say(&format!("highwater-leaktest: NOT CHECKED for threads left alive: {reason}\n"));
        }
        status.is_ok()
    });
    *CHECKING
}
