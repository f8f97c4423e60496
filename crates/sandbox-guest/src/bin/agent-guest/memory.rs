//! How the guest behaves where memory is scarce: what it gives back, and who goes first when there is none left.

/// How likely a process is to be killed when memory runs out, from -1000, never, to 1000.
const LIKELINESS: &str = "/proc/self/oom_score_adj";

/// Asks to be killed last when memory runs out, where that is permitted. Commands are made likelier to be killed than
/// this process wherever they run, which is always permitted.
///
/// Not never: where nobody is left who can be killed, the kernel hangs.
pub(crate) fn outlive() {
    let _ = std::fs::write(LIKELINESS, "-900");
}

/// Has large blocks given back to the system as soon as they are freed.
///
/// By default the allocator of glibc takes the size of the largest block that was ever freed as the size from which on
/// blocks are given back, up to 32 MB, and keeps everything smaller; and it has an arena for each thread.
pub(crate) fn settle() {
    #[cfg(target_env = "gnu")]
    glibc::settle();
}

#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the allocator's settings have no safe wrapper")]
mod glibc {
    /// A transfer comes in blocks that are larger.
    const LARGE: libc::c_int = 128 << 10;

    pub(super) fn settle() {
        // SAFETY: mallopt takes two numbers, and is called before there is another thread.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
            libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE);
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
}
