/* SPDX-License-Identifier: Apache-2.0 */
#include "control_fields.h"

#include "base/pack.h"

#include <string.h>

static bool is_within(const RequestField *field, uint64_t value)
{
    return value >= field->min && value <= field->max;
}

static bool pack_string(Packer *packer, const RequestField *field, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    if (!text || !is_within(field, len))
        return false;
    pack_u16(packer, (uint16_t)len);
    pack_bytes(packer, text, len + 1);
    return true;
}

static bool pack_field(Packer *packer, const RequestField *field, const void *data)
{
    const void *at = (const char *)data + field->offset;
    uint64_t value;

    switch (field->kind) {
    case FIELD_BOOL:
        pack_u8(packer, *(const bool *)at);
        return true;
    case FIELD_U32:
        value = *(const uint32_t *)at;
        pack_u32(packer, (uint32_t)value);
        return is_within(field, value);
    case FIELD_U64:
        value = *(const uint64_t *)at;
        pack_u64(packer, value);
        return is_within(field, value);
    case FIELD_TEXT:
        return pack_string(packer, field, *(const char *const *)at);
    case FIELD_SENTENCE:
        return pack_string(packer, field, at);
    case FIELD_END:
        break;
    }
    return false;
}

bool control_fields_pack(const RequestField *fields, const void *data,
                         uint8_t buffer[static CONTROL_FIELDS_MAX], size_t *ret_len)
{
    Packer packer = {.data = buffer, .max = CONTROL_FIELDS_MAX};
    bool valid = true;

    for (size_t i = 0; fields[i].kind != FIELD_END && valid; i++)
        valid = pack_field(&packer, &fields[i], data);
    *ret_len = packer.len;
    return valid && !packer.failed;
}

/* Returns a text, borrowed from the frame: exactly one NUL, at its end. NULL for other bytes. */
static const char *unpack_string(Unpacker *unpacker, const RequestField *field)
{
    size_t len = unpack_u16(unpacker);
    const char *text = unpack_bytes(unpacker, len + 1);

    return text && is_within(field, len) && strnlen(text, len + 1) == len ? text : NULL;
}

static bool unpack_field(Unpacker *unpacker, const RequestField *field, void *data)
{
    void *at = (char *)data + field->offset;
    const char *text;

    switch (field->kind) {
    case FIELD_BOOL:
        *(bool *)at = unpack_bool(unpacker);
        return true;
    case FIELD_U32:
        *(uint32_t *)at = unpack_u32(unpacker);
        return is_within(field, *(uint32_t *)at);
    case FIELD_U64:
        *(uint64_t *)at = unpack_u64(unpacker);
        return is_within(field, *(uint64_t *)at);
    case FIELD_TEXT:
        *(const char **)at = unpack_string(unpacker, field);
        return *(const char **)at != NULL;
    case FIELD_SENTENCE:
        text = unpack_string(unpacker, field);
        if (text)
            memcpy(at, text, strlen(text) + 1);
        return text != NULL;
    case FIELD_END:
        break;
    }
    return false;
}

bool control_fields_unpack(const RequestField *fields, const ControlFrame *frame, void *ret_data)
{
    Unpacker unpacker = {.data = frame->fields, .len = frame->fields_len};
    bool valid = true;

    for (size_t i = 0; fields[i].kind != FIELD_END && valid; i++)
        valid = unpack_field(&unpacker, &fields[i], ret_data);
    return valid && !unpacker.failed && unpacker.at == unpacker.len;
}
