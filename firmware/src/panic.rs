//! What happens where a program cannot go on.

use core::panic::PanicInfo;

/// Start again: nobody is there who could do anything else.
#[cfg(not(feature = "no-panic"))]
#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    #[cfg(feature = "defmt")]
    defmt::error!("panic");
    cortex_m::peripheral::SCB::sys_reset()
}

/// The proof that nothing panics: an image that could would need this symbol, which is nowhere.
#[cfg(feature = "no-panic")]
#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    #[expect(unsafe_code, reason = "a symbol that is nowhere")]
    unsafe extern "C" {
        safe fn a_panic_is_reachable() -> !;
    }
    a_panic_is_reachable()
}
