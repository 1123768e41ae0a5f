;; Masks or unmasks bytes of this module's memory in place (RFC 6455 §5.3), sixteen at a time.
;; Returns 0 when all of them are ASCII afterwards.
(module
  (memory (export "memory") 3 3)
  ;; key: the masking key as it lies in memory, turned so that its first byte belongs to the byte at $at
  (func (export "mask") (param $at i32) (param $end i32) (param $key i32) (result i32)
    (local $keys v128)
    (local $bytes v128)
    (local $rest i32)
    ;; the bits that any byte has
    (local $bits v128)
    (local.set $keys (i32x4.splat (local.get $key)))
    ;; 64 bytes a round
    (block $done64
      (loop $next64
        (br_if $done64 (i32.gt_u (i32.add (local.get $at) (i32.const 64)) (local.get $end)))
        (local.set $bytes (v128.xor (v128.load offset=0 (local.get $at)) (local.get $keys)))
        (v128.store offset=0 (local.get $at) (local.get $bytes))
        (local.set $bits (v128.or (local.get $bits) (local.get $bytes)))
        (local.set $bytes (v128.xor (v128.load offset=16 (local.get $at)) (local.get $keys)))
        (v128.store offset=16 (local.get $at) (local.get $bytes))
        (local.set $bits (v128.or (local.get $bits) (local.get $bytes)))
        (local.set $bytes (v128.xor (v128.load offset=32 (local.get $at)) (local.get $keys)))
        (v128.store offset=32 (local.get $at) (local.get $bytes))
        (local.set $bits (v128.or (local.get $bits) (local.get $bytes)))
        (local.set $bytes (v128.xor (v128.load offset=48 (local.get $at)) (local.get $keys)))
        (v128.store offset=48 (local.get $at) (local.get $bytes))
        (local.set $bits (v128.or (local.get $bits) (local.get $bytes)))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $next64)))
    ;; 16 bytes a round: a whole number of keys, so its turn stays
    (block $done16
      (loop $next16
        (br_if $done16 (i32.gt_u (i32.add (local.get $at) (i32.const 16)) (local.get $end)))
        (local.set $bytes (v128.xor (v128.load (local.get $at)) (local.get $keys)))
        (v128.store (local.get $at) (local.get $bytes))
        (local.set $bits (v128.or (local.get $bits) (local.get $bytes)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next16)))
    ;; the rest, a byte a round
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (i32.store8 (local.get $at) (i32.xor (i32.load8_u (local.get $at)) (local.get $key)))
        (local.set $rest (i32.or (local.get $rest) (i32.load8_u (local.get $at))))
        (local.set $key (i32.rotr (local.get $key) (i32.const 8)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.or (i8x16.bitmask (local.get $bits)) (i32.and (local.get $rest) (i32.const 0x80)))))
