/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identifiers of 16 bytes, as RFC 9562 writes them.
 */
#pragma once

#include <stdint.h>

/* Formats 8-4-4-4-12 hexadecimal digits. Owner: the caller frees. */
char *uuid_format(const uint8_t id[static 16]);
