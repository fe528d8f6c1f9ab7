//! The masks: one algorithm a file.
//!
//! For: the SQL functions `jitmask.mask_*`, which borrow the value, call one of these and hand the text back.
//! Must hold for each of them: any input is answered, none panics; characters are counted, not bytes, and a character
//! as people see it (a grapheme) is never cut; what does not fit the expected format is masked wholly, never passed
//! through. NULL never gets here: the SQL functions are STRICT.
//! Each file says what its mask still reveals.

pub mod default;
pub mod email;
pub mod hash;
pub mod partial;

pub use default::text as text_default;
pub use email::email;
pub use hash::hash;
pub use partial::partial;
