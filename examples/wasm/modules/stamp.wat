;; A module for Envoy in WebAssembly text, as small as one can be: answers get the header x-wasm with what the config
;; says, and a request with the header x-crash makes it crash. `npm run wasm` assembles it.
;; The interface is Proxy-Wasm 0.2.1: https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1
(module
  (import "env" "proxy_add_header_map_value"
    (func $add_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value"
    (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes"
    (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 2)
  (data (i32.const 1024) "x-wasm")
  (data (i32.const 1032) "x-crash")

  ;; Behind the texts: where Envoy writes a pointer and a size, and from 4096 on what it allocates.
  (global $pointer i32 (i32.const 2048))
  (global $size i32 (i32.const 2052))
  (global $free (mut i32) (i32.const 4096))
  (global $config (mut i32) (i32.const 0))
  (global $config_size (mut i32) (i32.const 0))

  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_context_create") (param $context i32) (param $parent i32))

  ;; Nothing is ever given back: there is the config, and a request that crashes ends the memory with the module.
  (func (export "proxy_on_memory_allocate") (param $bytes i32) (result i32)
    (local $start i32)
    (local.set $start (global.get $free))
    (global.set $free (i32.add (local.get $start) (local.get $bytes)))
    (local.get $start))

  ;; Buffer 7 is the plugin's configuration.
  (func (export "proxy_on_configure") (param $context i32) (param $bytes i32) (result i32)
    (drop (call $get_buffer (i32.const 7) (i32.const 0) (local.get $bytes) (global.get $pointer) (global.get $size)))
    (global.set $config (i32.load (global.get $pointer)))
    (global.set $config_size (local.get $bytes))
    (i32.const 1))

  ;; Map 0 has the headers of the request; 0 is "found", and "go on".
  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (if (i32.eqz (call $get_header (i32.const 0) (i32.const 1032) (i32.const 7) (global.get $pointer) (global.get $size)))
      (then unreachable))
    (i32.const 0))

  ;; Map 2 has the headers of the answer.
  (func (export "proxy_on_response_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (drop (call $add_header
      (i32.const 2) (i32.const 1024) (i32.const 6) (global.get $config) (global.get $config_size)))
    (i32.const 0)))
