//! Values that travel with the task that serves a request, beside and not through every
//! signature between the edge and the place that needs them.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::thread::LocalKey;

/// Where one kind of value is kept while a task runs.
pub(crate) type Slot<T> = LocalKey<RefCell<Option<T>>>;

/// Puts back what was there before, also when the work panics.
struct Entered<T: 'static>(&'static Slot<T>, Option<T>);

impl<T> Drop for Entered<T> {
    fn drop(&mut self) {
        self.0.replace(self.1.take());
    }
}

/// Runs `work` with `value` in `slot`, or with none. What it spawns does not have it.
pub(crate) async fn within<T: Clone + 'static, F: Future>(
    slot: &'static Slot<T>,
    value: Option<T>,
    work: F,
) -> F::Output {
    let mut work = pin!(work);
    poll_fn(move |context| {
        let _entered = Entered(slot, slot.replace(value.clone()));
        work.as_mut().poll(context)
    })
    .await
}
