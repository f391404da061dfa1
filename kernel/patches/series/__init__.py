# SPDX-License-Identifier: GPL-2.0-only
"""Turns kernel/ into patches for the kernel's own tree."""
