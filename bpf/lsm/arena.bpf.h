/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How decide.h reads an image in the kernel: an image is an arena address, an element a pointer to 4 MiB of the arena map. The offset is
 * masked last, just before the load: the verifier needs to see the bound there and nowhere else. An address past the arena finds
 * no element, and what is not found is 0: no rights.
 */
#ifndef TREELINE_BPF_LSM_ARENA_BPF_H
#define TREELINE_BPF_LSM_ARENA_BPF_H

#include "maps.bpf.h"

typedef u32 tl_img;
typedef const unsigned char *tl_elem;

static __always_inline tl_elem tl_element(u32 address)
{
	u32 index = address >> TL_ELEMENT_SHIFT;

	return bpf_map_lookup_elem(&arena, &index);
}
static __always_inline u64 tl_element_load64(tl_elem elem, u32 address)
{
	return elem ? *(const u64 *)(elem + (address & (TL_ELEMENT - 8))) : 0;
}
#define TL_ELEM(img, off) tl_element((img) + (off))
#define TL_AT64(elem, img, off) tl_element_load64(elem, (img) + (off))
#define TL_ELEM_SLOTS (TL_ELEMENT / 8)
/* First slot of the element that slot s lies in; negative (wrapped) in an image's first element, which also holds the header. */
#define TL_ELEM_FIRST_SLOT(img, s) tl_element_first_slot(img, (img) + TL_DFA_OFFSET + 8u * (s))
static __always_inline u32 tl_element_first_slot(u32 img, u32 address)
{
	return (u32)((__s32)((address & ~(TL_ELEMENT - 1)) - (img + TL_DFA_OFFSET)) >> 3);
}

#include "decide.h"
#endif
