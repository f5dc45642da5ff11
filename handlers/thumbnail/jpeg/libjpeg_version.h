/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the version of libjpeg-turbo that this process has loaded. The library has no function that
 * returns its version, but holds it as text; so the text is searched in its read-only parts.
 */
#pragma once

#include <stdbool.h>

/* True if the version is that of the headers this was compiled with. */
bool libjpeg_is_as_compiled(void);

/* True if the address lies in code of libjpeg-turbo. */
bool libjpeg_has(const void *address);
