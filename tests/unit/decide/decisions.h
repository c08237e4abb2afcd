/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.h as a table of functions, so that a test can hold it, or a copy with a fault planted in it, against evaluate().
 * decisions.c fills the table from whichever decide.h its include path finds first.
 */
#pragma once

#include "bpf/lsm/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tl_image;

struct decisions {
	__u32 (*feed)(const struct tl_image *image, __u32 state, __u64 word, __u32 n);
	__u32 (*step)(const struct tl_image *image, __u32 state, __u64 word, __u32 n);
	__u32 (*class_of)(const struct tl_image *image, __u32 state);
	__u32 (*row_of_key)(const struct tl_image *image, __u64 key);
	__u32 (*missing_access)(const struct tl_image *image, __u32 row, __u32 class_id, __u32 words);
	__u32 (*row_flags)(const struct tl_image *image, __u32 row);
	__u32 (*cost_of_reason)(const struct tl_image *image, __u32 row, __u32 reason);
	__u32 (*cost_of_class)(const struct tl_image *image, __u32 row, __u32 class_id);
	__u32 (*exec_edge)(const struct tl_image *image, __u32 row, __u32 class_id, __u32 flags);
	__u32 (*user)(const struct tl_image *image, __u32 row, __u32 uid);
	__u32 (*move)(const struct tl_image *image, __u32 from, __u32 to);
	__u32 (*capability)(const struct tl_image *image, __u32 row, __u32 capability);
	__u32 (*operation)(const struct tl_image *image, __u32 row, __u32 operation);
	__u32 (*socket)(const struct tl_image *image, __u32 row, __u32 kind, __u32 netlink);
	__u32 (*peer4)(const struct tl_image *image, __u32 address);
	__u32 (*peer6)(const struct tl_image *image, __u64 high, __u64 low);
	__u32 (*port)(const struct tl_image *image, __u32 port);
	__u32 (*net)(const struct tl_image *image, __u32 row, __u32 direction, __u32 protocol, __u32 peer, __u32 port_class);
};

/* In each build of decisions.c. */
extern const struct decisions treeline_decisions;

#ifdef __cplusplus
}
#endif
