#!/bin/sh
# What cargo runs an image of the firmware with: builds the runner for this machine, and has it
# start QEMU. Works from any folder.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
# From there: the configuration of the firmware's folder would build it for the chip.
(cd "$root" && cargo build --quiet --package coracle-qemu --target-dir "$root/target")
exec "$root/target/debug/coracle-qemu" "$@"
