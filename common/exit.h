/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * When the program exits and not all that it has printed could be written, it says so and fails.
 * To be called first in main().
 */
void exit_check_output(void);
