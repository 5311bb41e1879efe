//! The memory protection unit: below the RAM there is flash, which is read only, and nothing else.
//!
//! The stack is at the bottom of the RAM. If it overflows, the chip faults at the first access
//! below it; with no stack to handle the fault it locks up, and the watchdog starts it again. The
//! same holds for a write through a null pointer. The bus of the chip would fault by itself, but
//! the one of QEMU's model lets such accesses pass.

use cortex_m::asm;
use cortex_m::peripheral::MPU;

/// Of MPU_RBAR: the number of the region is the one in it.
const VALID: u32 = 1 << 4;

/// Of MPU_RASR: enabled; the size is two to the power of this number and one.
const ENABLED: u32 = 1 << 0;
const SIZE: u32 = 1;
const MIB_512: u32 = 28 << SIZE;
const KIB_256: u32 = 17 << SIZE;
/// Of MPU_RASR: who may do what; nothing is 0. Memory that may be cached.
const READ_ONLY: u32 = 0b110 << 24;
const NEVER_EXECUTED: u32 = 1 << 28;
const CACHEABLE: u32 = 1 << 17;

/// Of MPU_CTRL: everywhere else all is as without it.
const OTHERS: u32 = 1 << 2;

/// Watch the lower half GiB from now on.
pub fn start(mpu: &mut MPU) {
    // Of two regions at one address the one with the higher number counts.
    let regions =
        [(0, NEVER_EXECUTED | MIB_512 | ENABLED), (1, READ_ONLY | CACHEABLE | KIB_256 | ENABLED)];
    for (number, attributes) in regions {
        // SAFETY: this takes rights away that no sound program uses.
        #[expect(unsafe_code, reason = "what memory can be used changes")]
        unsafe {
            mpu.rbar.write(VALID | number);
            mpu.rasr.write(attributes);
        }
    }
    // SAFETY: as above.
    #[expect(unsafe_code, reason = "what memory can be used changes")]
    unsafe {
        mpu.ctrl.write(OTHERS | ENABLED);
    }
    asm::dsb();
    asm::isb();
}
