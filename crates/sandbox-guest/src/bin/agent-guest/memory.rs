//! How the guest behaves when memory is scarce: what it returns to the system, and which processes are killed first.

/// How likely a process is to be killed when memory runs out, from -1000, never, to 1000.
const OOM_SCORE_ADJ: &str = "/proc/self/oom_score_adj";

/// Asks to be killed last when memory runs out, where permitted. Commands always make themselves likelier to be killed
/// than this process, which is permitted everywhere.
///
/// Not never: if no process is left that may be killed, the kernel hangs.
pub(crate) fn outlive() {
    let _ = std::fs::write(OOM_SCORE_ADJ, "-900");
}

/// Makes the allocator return large blocks to the system as soon as they are freed.
///
/// By default glibc raises its threshold for returning blocks to the size of the largest block ever freed, up to 32
/// MB, and keeps everything smaller; and it has an arena for each thread.
pub(crate) fn settle() {
    #[cfg(target_env = "gnu")]
    glibc::settle();
}

#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the allocator's settings have no safe wrapper")]
mod glibc {
    /// The blocks of a transfer are larger.
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
