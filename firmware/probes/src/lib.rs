//! What the images to be measured are made of.
//!
//! Everything that surrounds the core here is [`opaque`]: the optimizer knows nothing of what
//! comes in, and must hand out whatever goes out. So an image holds what a firmware would need,
//! and nothing of a medium or of a network.
#![no_std]

pub mod checksums;
pub mod codecs;
pub mod drivers;
pub mod memory;
pub mod opaque;
pub mod roles;
#[cfg(feature = "qemu")]
pub mod stack;
#[cfg(feature = "qemu")]
pub mod ticks;

/// The entry of an image that is only linked, never run, and its panic handler.
///
/// - `proved`: the handler calls a function that nobody has. If the optimizer has left any way to
///   a panic, the image cannot be linked.
/// - `guarded`: the handler stands still. For what is known to have a way to it.
#[macro_export]
macro_rules! image {
    (proved, $body:expr) => {
        unsafe extern "C" {
            safe fn a_panic_is_reachable() -> !;
        }

        #[panic_handler]
        fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
            a_panic_is_reachable()
        }

        $crate::image!(entry, $body);
    };
    (guarded, $body:expr) => {
        #[panic_handler]
        #[inline(never)]
        fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
            loop {}
        }

        $crate::image!(entry, $body);
    };
    (entry, $body:expr) => {
        /// Where the linker begins.
        #[unsafe(no_mangle)]
        extern "C" fn _start() -> ! {
            loop {
                $body;
            }
        }
    };
}

/// The entry of an image that runs in QEMU, which ends when `main` returns, and its panic handler.
#[cfg(feature = "qemu")]
#[macro_export]
macro_rules! qemu_image {
    ($main:path) => {
        use cortex_m_semihosting::debug;

        #[panic_handler]
        fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
            cortex_m_semihosting::hprintln!("{}", info);
            stop(debug::EXIT_FAILURE)
        }

        #[cortex_m_rt::entry]
        fn entry() -> ! {
            $main();
            stop(debug::EXIT_SUCCESS)
        }

        fn stop(status: debug::ExitStatus) -> ! {
            loop {
                debug::exit(status);
            }
        }
    };
}
