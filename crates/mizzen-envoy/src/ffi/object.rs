//! Objects of ours in Envoy's hands, as pointers that came from `Rc::into_raw`.

use std::rc::Rc;

use super::abi::Pointer;

/// Stands for a filter that could not be made; its address only, so that Envoy never gets a null filter (whose later hooks it would call all the same).
static ABSENT: u8 = 0;

pub(super) fn absent() -> Pointer {
    std::ptr::from_ref(&ABSENT).cast_mut().cast()
}

/// A further reference to the filter, so that it stays alive during a hook even if Envoy destroys it meanwhile; none for [`absent`].
///
/// # Safety
/// `module` is [`absent`], or came from `Rc::into_raw` of this type and Envoy's reference is not taken back yet.
pub(super) unsafe fn shared<T>(module: Pointer) -> Option<Rc<T>> {
    if module == absent() {
        return None;
    }
    let object = module.cast_const().cast::<T>();
    // SAFETY: the caller vouches that the pointer came from Rc::into_raw and is still counted.
    Some(unsafe {
        Rc::increment_strong_count(object);
        Rc::from_raw(object)
    })
}
