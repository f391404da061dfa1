/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules for a frame description, 1.8 of docs/protocol.md, one text for
 * both drivers: the guest's says EINVAL to a program, the host's does not
 * believe it.
 */
#ifndef _VDMABUF_FRAME_H
#define _VDMABUF_FRAME_H

#include <linux/errno.h>
#include <linux/string.h>
#include <linux/vdmabuf.h>

#define VDMABUF_FRAME_MAX_EXTENT	65535

static inline int vdmabuf_frame_check_picture(const struct vdmabuf_frame *frame,
					      u64 size)
{
	const struct vdmabuf_rect *damage = &frame->damage;
	u64 last_row;
	u32 i;

	if (!frame->width || frame->width > VDMABUF_FRAME_MAX_EXTENT ||
	    !frame->height || frame->height > VDMABUF_FRAME_MAX_EXTENT)
		return -EINVAL;
	if (!frame->nr_planes || frame->nr_planes > VDMABUF_MAX_PLANES)
		return -EINVAL;

	for (i = 0; i < VDMABUF_MAX_PLANES; i++) {
		const struct vdmabuf_plane *plane = &frame->planes[i];

		if (i < frame->nr_planes) {
			if (plane->offset >= size || !plane->stride)
				return -EINVAL;
		} else if (plane->offset || plane->stride) {
			return -EINVAL;
		}
	}

	if ((u64)damage->x + damage->width > frame->width ||
	    (u64)damage->y + damage->height > frame->height)
		return -EINVAL;

	/* Of other modifiers and planes only the format says what fits */
	if (!frame->modifier) {
		last_row = (u64)frame->planes[0].stride * (frame->height - 1);
		if (frame->planes[0].offset + last_row >= size)
			return -EINVAL;
	}

	return 0;
}

/**
 * vdmabuf_frame_check - is this a description that others may see?
 * @frame: the description
 * @size: of its buffer, in bytes
 *
 * What lies in @frame->app behind @frame->app_size is not looked at.
 *
 * Return: 0 or -EINVAL
 */
static inline int vdmabuf_frame_check(const struct vdmabuf_frame *frame, u64 size)
{
	static const struct vdmabuf_plane no_planes[VDMABUF_MAX_PLANES];

	if (frame->flags & ~VDMABUF_FRAME_FLAGS)
		return -EINVAL;
	if (frame->app_size > VDMABUF_MAX_APP || frame->reserved)
		return -EINVAL;

	if (frame->fourcc)
		return vdmabuf_frame_check_picture(frame, size);

	if (frame->modifier || frame->width || frame->height || frame->nr_planes ||
	    memcmp(frame->planes, no_planes, sizeof(no_planes)) ||
	    frame->damage.x || frame->damage.y ||
	    frame->damage.width || frame->damage.height ||
	    frame->x || frame->y || frame->hot_x || frame->hot_y)
		return -EINVAL;
	if ((frame->flags & (VDMABUF_FRAME_CURSOR | VDMABUF_FRAME_HIDDEN)) ==
	    VDMABUF_FRAME_CURSOR)
		return -EINVAL;

	return 0;
}

#endif /* _VDMABUF_FRAME_H */
