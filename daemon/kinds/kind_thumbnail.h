/* SPDX-License-Identifier: Apache-2.0 */
/* The kind of invocation that makes the thumbnails of a picture. */
#pragma once

#include "kinds/kind.h"

extern const Kind kind_thumbnail;
