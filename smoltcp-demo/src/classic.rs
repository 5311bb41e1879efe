//! Whether the classic dialect is built in.

/// A proof that it is. Without the feature `classic` this type has no value, so the compiler drops
/// all code that needs one: the machine of the dialect, and the connections of its transfers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Classic {
    #[cfg(feature = "classic")]
    BuiltIn,
}

impl Classic {
    pub(crate) const fn built_in() -> Option<Self> {
        #[cfg(feature = "classic")]
        let proof = Some(Self::BuiltIn);
        #[cfg(not(feature = "classic"))]
        let proof = None;
        proof
    }

    /// Code behind this call is dropped where there is no such proof.
    #[inline(always)]
    pub(crate) const fn holds(self) {
        match self {
            #[cfg(feature = "classic")]
            Self::BuiltIn => {}
        }
    }
}
