//! What 32-bit programs call, by `int 0x80`.
#![cfg(target_arch = "x86_64")]
#![allow(unsafe_code, reason = "these calls have no safe face")]
use std::path::Path;

/// Memory that a 32-bit call can name.
pub struct Low(*mut u8);

impl Low {
    const BYTES: usize = 4096;

    pub fn new() -> Self {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: new memory, wherever there is room.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), Self::BYTES, access, flags, -1, 0) };
        assert_ne!(page, libc::MAP_FAILED);
        Self(page.cast())
    }

    /// Where the bytes lie from now on.
    pub fn put(&self, at: usize, bytes: &[u8]) -> u32 {
        assert!(at + bytes.len() < Self::BYTES, "there is no room");
        // SAFETY: within the page, which is ours.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.0.add(at), bytes.len()) };
        u32::try_from(self.0 as usize + at).expect("low memory")
    }

    pub fn path(&self, at: usize, path: &Path) -> u32 {
        self.put(at, &[path.as_os_str().as_encoded_bytes(), b"\0"].concat())
    }

    pub fn words(&self, at: usize, words: &[u32]) -> u32 {
        self.put(at, &words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>())
    }
}

impl Drop for Low {
    fn drop(&mut self) {
        // SAFETY: mapped by us, named by nobody any more.
        unsafe { libc::munmap(self.0.cast(), Self::BYTES) };
    }
}

/// The answer, by the numbers of `arch/x86/entry/syscalls/syscall_32.tbl`. A fifth argument is 0.
pub fn call_32(number: i32, [first, second, third, fourth]: [u32; 4]) -> i64 {
    let mut result = number;
    // SAFETY: the call changes what it answers in, and r8 to r11 on older kernels; what it is given is the caller's.
    unsafe {
        std::arch::asm!(
            "xchg rbx, {first}",
            "int 0x80",
            "xchg rbx, {first}",
            first = inout(reg) u64::from(first) => _,
            inout("eax") result,
            in("ecx") second,
            in("edx") third,
            in("esi") fourth,
            in("edi") 0,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    assert_ne!(
        result,
        -libc::ENOSYS,
        "this kernel makes no 32-bit calls: boot one with CONFIG_IA32_EMULATION"
    );
    result.into()
}
