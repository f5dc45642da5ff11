/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of pictures that are recognized, but neither read nor written.
 */
#pragma once

#include "formats/file_format.h"

extern const FileFormat unread_formats[];
extern const size_t unread_formats_n;
