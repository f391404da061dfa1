/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scanout-error.h"

G_DEFINE_QUARK(vdmabuf - scanout - error - quark, vdmabuf_scanout_error)
