//! Settings. Those that could weaken anything can be changed by superusers only.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};

static MASK_SUPERUSERS: GucSetting<bool> = GucSetting::<bool>::new(false);

/// Defines the settings. Once, while the library is being preloaded.
pub fn init() {
    GucRegistry::define_bool_guc(
        c"jitmask.mask_superusers",
        c"Masks superusers as well.",
        c"Off by default: superusers read raw values by exemption. On, they need a grant or an exemption as everybody else; \
          this protects against accidents, not against a superuser who means to.",
        &MASK_SUPERUSERS,
        GucContext::Suset,
        GucFlags::default(),
    );
}

/// Whether superusers are masked as well.
pub fn mask_superusers() -> bool {
    MASK_SUPERUSERS.get()
}
