//! The file in which pipelines count what they did: it outlives each of them, and the loader never reads it.
use std::os::fd::OwnedFd;

use guardbee_wire::LEDGER_BYTES;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::io::Errno;

/// A page of zeroes that can't change its size: a pipeline that maps it never gets a bus error by another.
pub(crate) fn make() -> Result<OwnedFd, Errno> {
    let file = memfd_create("guardbee-ledger", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&file, LEDGER_BYTES as u64)?;
    fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(file)
}
