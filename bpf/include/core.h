/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One text, two ways to read kernel memory. Programs that need 6.3 anyway define DIRECT_LOADS before the includes:
 * plain loads, made safe by BTF (no helper call). All others run on 5.10, where only a tracing program's own arguments
 * are typed, and use bpf_probe_read_kernel.
 */
#pragma once
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

#ifdef DIRECT_LOADS
#define LOAD(source, ...)   ___arrow(source, __VA_ARGS__)
#define CAST(type, pointer) bpf_core_cast((void *)(pointer), type)
#define CURRENT()	    bpf_get_current_task_btf()
#define GLOBAL(name)	    name##_direct
#else
#define LOAD(source, ...)   BPF_CORE_READ(source, __VA_ARGS__)
#define CAST(type, pointer) ((type *)(pointer))
#define CURRENT()	    ((struct task_struct *)bpf_get_current_task())
#define GLOBAL(name)	    name
#endif

/* A global function is verified once, by itself, instead of again for every state of every caller: without them these
 * programs would take the verifier seconds. 5.10 lets them take numbers only, so they find their records by the index of
 * the site. One name for each way of reading, because the linker keeps one definition of a name.
 */
#define GLOBAL_FUNCTION __weak __noinline

/* clang proves bounds by facts about other registers that the verifier has not got: forget them. */
#define OPAQUE(variable) asm volatile("" : "+r"(variable))
