//! Fields of a body that may be left out.

use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::patch::Patch;

/// Takes a field that may be left out.
pub fn option<T, U>(
    check: &mut FieldErrors,
    field: &str,
    value: Option<T>,
    parse: impl FnOnce(T) -> Result<U, Issue>,
) -> Option<U> {
    value.and_then(|value| check.check(field, parse(value)))
}

/// Takes a field that may be left out, but not cleared.
pub fn set<T, U>(
    check: &mut FieldErrors,
    field: &str,
    value: Patch<T>,
    parse: impl FnOnce(T) -> Result<U, Issue>,
) -> Option<U> {
    match value {
        Patch::Keep => None,
        Patch::Clear => {
            check.push(field, Issue::Required);
            None
        }
        Patch::Set(value) => check.check(field, parse(value)),
    }
}
