# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: the project's two-level virtual machine for tests and demonstrations."""
