//! What becomes of a masked value that is written back to where it was read.

/// A policy's rule for writes to its columns by people who see masks there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteBack {
    /// A value that equals the mask of the stored one leaves the stored one as it is.
    #[default]
    Keep,
    /// Such a value is refused.
    Error,
    /// What is assigned is stored, masked values included.
    Allow,
}

impl WriteBack {
    /// All of them, as people write them.
    pub const NAMES: [&str; 3] = ["keep", "error", "allow"];

    /// From its name; `None` if there is none such.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "keep" => WriteBack::Keep,
            "error" => WriteBack::Error,
            "allow" => WriteBack::Allow,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            WriteBack::Keep => "keep",
            WriteBack::Error => "error",
            WriteBack::Allow => "allow",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::WriteBack;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        for name in WriteBack::NAMES {
            assert_eq!(WriteBack::named(name).map(WriteBack::name), Some(name));
        }
        assert_eq!(WriteBack::named("Keep"), None);
        assert_eq!(WriteBack::default(), WriteBack::Keep);
    }
}
