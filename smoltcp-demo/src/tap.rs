//! What the server on a TAP interface of Linux, `coracle-tap`, is made of.
