/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What to add to the message that the system has refused @path (@error is errno): AppArmor refuses
 * with the same word as the file system, and a person looks at the modes in vain.
 *
 * Returns: "" where AppArmor is not the reason
 */
const char *confinement_hint(const char *path, int error);
