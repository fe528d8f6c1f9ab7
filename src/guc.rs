//! Settings. Those that could weaken anything can be changed by superusers only.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};

/// What happens to a statement that is revealing when its grant ends.
#[derive(Clone, Copy, PartialEq, Eq, PostgresGucEnum)]
pub enum OnRevoke {
    /// It is cancelled.
    #[name = c"cancel"]
    Cancel,
    /// Its session is ended.
    #[name = c"terminate"]
    Terminate,
}

static MASK_SUPERUSERS: GucSetting<bool> = GucSetting::<bool>::new(false);
static ON_REVOKE: GucSetting<OnRevoke> = GucSetting::<OnRevoke>::new(OnRevoke::Cancel);

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
    GucRegistry::define_enum_guc(
        c"jitmask.on_revoke",
        c"What happens to a statement that is revealing when its grant ends.",
        c"cancel: the statement fails. terminate: its session ends, also while it is sending to a client that does not \
          read. Sessions that hold revealed rows in store are ended in any case.",
        &ON_REVOKE,
        GucContext::Suset,
        GucFlags::default(),
    );
}

/// What happens to a statement that is revealing when its grant ends.
pub fn on_revoke() -> OnRevoke {
    ON_REVOKE.get()
}

/// Whether superusers are masked as well.
pub fn mask_superusers() -> bool {
    MASK_SUPERUSERS.get()
}
