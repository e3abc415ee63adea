//! A thread's credentials changed.
use crate::{CallInfo, Credentials, EventHeader};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `enum credentials_cause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CredentialsCause {
    /// A call that may do that.
    Call = 1,
    /// Nothing that may, could have led from before to after.
    Unexplained = 2,
}

/// `enum credentials_flag`, bits of [`CredentialsEvent::flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CredentialsFlag {
    /// What was before is not known.
    First = 1 << 0,
}

/// `struct credentials_event`; tail: comm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct CredentialsEvent {
    /// Who did it.
    pub header: EventHeader,
    /// By which call.
    pub call: CallInfo,
    /// When last looked at.
    pub before: Credentials,
    /// Now.
    pub after: Credentials,
    /// Supplementary ones, after it.
    pub groups: u32,
    /// Inode number of the user namespace.
    pub user_ns: u32,
    /// [`CredentialsCause`].
    pub cause: u8,
    /// [`CredentialsFlag`] bits.
    pub flags: u8,
    /// Zero.
    pub pad: [u8; 6],
}
