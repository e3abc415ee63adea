//! A ring of `io_uring`, for one operation.

/// Submits one entry to a ring of its own and answers its result.
#[allow(unsafe_code, reason = "rings are memory shared with the kernel")]
pub fn submit(entry: [u64; 8]) -> i32 {
    const BYTES: usize = 4096;
    const ENTRIES: i64 = 0x1000_0000;
    let mut parameters = [0_u32; 30];
    // SAFETY: the kernel writes 120 bytes of parameters; both mappings have a page, which is more than a ring of one entry needs.
    unsafe {
        let fd = libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr());
        assert!(fd >= 0, "a ring: {}", std::io::Error::last_os_error());
        let [queue, entries] = [0, ENTRIES].map(|offset| {
            let (rights, null) = (libc::PROT_READ | libc::PROT_WRITE, std::ptr::null_mut());
            libc::mmap(null, BYTES, rights, libc::MAP_SHARED, i32::try_from(fd).unwrap(), offset)
        });
        assert!(queue != libc::MAP_FAILED && entries != libc::MAP_FAILED);
        // struct io_sqring_offsets begins at word 10 with head, tail; array is its sixth; io_cqring_offsets at 20, cqes its fifth.
        let [tail, array, results] = [11, 16, 25].map(|word: usize| parameters[word] as usize);
        entries.cast::<[u64; 8]>().write(entry);
        queue.cast::<u32>().add(array / 4).write(0);
        queue.cast::<u32>().add(tail / 4).write_volatile(1);
        assert_eq!(libc::syscall(libc::SYS_io_uring_enter, fd, 1, 1, 1, 0, 0), 1);
        let result = queue.cast::<i32>().add(results / 4 + 2).read_volatile();
        libc::munmap(entries, BYTES);
        libc::munmap(queue, BYTES);
        libc::close(i32::try_from(fd).unwrap());
        result
    }
}
