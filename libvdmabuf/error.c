/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

G_DEFINE_QUARK(vdmabuf-error-quark, vdmabuf_error)
