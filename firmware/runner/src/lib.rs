//! Runs the firmware in QEMU.
