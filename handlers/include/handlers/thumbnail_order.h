/* SPDX-License-Identifier: Apache-2.0 */
/* The order of an invocation that makes thumbnails. */
#pragma once

#include "handlers/wire.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    WireOrder wire;
    /* The handler program that gets the order: its number in the table of programs.h. */
    size_t program;
    /* The programs that got it before, a bit each (1 << number): an answer may name none of them.
     */
    unsigned asked;
    /*
     * The order is lent: the borrower may have any program do it, and the answer may be about a
     * file of any program.
     */
    bool any_program;
    /* The answer "no image" is suspicious then: the worker is not used again. */
    bool named_as_image;
} ThumbnailOrder;
