/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of frames: a table of them says how the struct of a request, an answer, a progress or
 * an item is written as bytes, and which values are allowed. The decoder accepts any bytes. Private
 * to control.
 */
#pragma once

#include "control/control_frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    FIELD_END = 0,
    FIELD_BOOL,
    FIELD_U32,
    FIELD_U64,
    /* A `const char *`, borrowed. */
    FIELD_TEXT,
    /* An array of `max` + 1 bytes. */
    FIELD_SENTENCE,
} FieldKind;

typedef struct {
    FieldKind kind;
    size_t offset;
    /* Limits of a number; for a text, of its length in bytes without the NUL. */
    uint64_t min, max;
} RequestField;

/* Puts the fields of the struct `data` into `buffer`. The last field is FIELD_END. False if a value
 * is too long, or not within its limits. */
bool control_fields_pack(const RequestField *fields, const void *data,
                         uint8_t buffer[static CONTROL_FIELDS_MAX], size_t *ret_len);

/* Reads the fields of a frame into the struct `ret_data`; its texts are borrowed from the frame.
 * False for any other bytes. */
bool control_fields_unpack(const RequestField *fields, const ControlFrame *frame, void *ret_data);
