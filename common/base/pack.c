/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pack.h"

#include <string.h>

void pack_bytes(Packer *packer, const void *bytes, size_t n)
{
    if (packer->failed || n > packer->max - packer->len) {
        packer->failed = true;
        return;
    }
    if (n > 0)
        memcpy(packer->data + packer->len, bytes, n);
    packer->len += n;
}

/* Packs the `n` lowest bytes of a number, the lowest first. */
static void pack_uint(Packer *packer, uint64_t value, size_t n)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    pack_bytes(packer, bytes, n);
}

void pack_u8(Packer *packer, uint8_t value)
{
    pack_uint(packer, value, 1);
}

void pack_u16(Packer *packer, uint16_t value)
{
    pack_uint(packer, value, 2);
}

void pack_u32(Packer *packer, uint32_t value)
{
    pack_uint(packer, value, 4);
}

void pack_u64(Packer *packer, uint64_t value)
{
    pack_uint(packer, value, 8);
}

void pack_i64(Packer *packer, int64_t value)
{
    pack_uint(packer, (uint64_t)value, 8);
}

void pack_varint(Packer *packer, uint64_t value)
{
    while (value >= 0x80) {
        pack_u8(packer, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    pack_u8(packer, (uint8_t)value);
}

void pack_text(Packer *packer, const char *text)
{
    size_t len = strlen(text);

    if (len > UINT16_MAX) {
        packer->failed = true;
        return;
    }
    pack_u16(packer, (uint16_t)len);
    pack_bytes(packer, text, len);
}

const void *unpack_bytes(Unpacker *unpacker, size_t n)
{
    if (unpacker->failed || n > unpacker->len - unpacker->at) {
        unpacker->failed = true;
        return NULL;
    }
    const void *bytes = unpacker->data + unpacker->at;
    unpacker->at += n;
    return bytes;
}

static uint64_t unpack_uint(Unpacker *unpacker, size_t n)
{
    const uint8_t *bytes = unpack_bytes(unpacker, n);
    uint64_t value = 0;

    for (size_t i = 0; bytes && i < n; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

uint8_t unpack_u8(Unpacker *unpacker)
{
    return (uint8_t)unpack_uint(unpacker, 1);
}

uint16_t unpack_u16(Unpacker *unpacker)
{
    return (uint16_t)unpack_uint(unpacker, 2);
}

uint32_t unpack_u32(Unpacker *unpacker)
{
    return (uint32_t)unpack_uint(unpacker, 4);
}

uint64_t unpack_u64(Unpacker *unpacker)
{
    return unpack_uint(unpacker, 8);
}

int64_t unpack_i64(Unpacker *unpacker)
{
    return (int64_t)unpack_uint(unpacker, 8);
}

uint64_t unpack_varint(Unpacker *unpacker)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = unpack_u8(unpacker);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (shift == 63 && byte > 1)
            /* The value needs more than 64 bits. */
            break;
        if (byte < 0x80)
            return unpacker->failed ? 0 : value;
    }
    unpacker->failed = true;
    return 0;
}

int unpack_int(Unpacker *unpacker, int min, int max)
{
    int32_t value = (int32_t)unpack_u32(unpacker);

    if (unpacker->failed || value < min || value > max) {
        unpacker->failed = true;
        return min;
    }
    return value;
}

bool unpack_bool(Unpacker *unpacker)
{
    uint8_t value = unpack_u8(unpacker);

    if (value > 1)
        unpacker->failed = true;
    return value == 1;
}

void unpack_text(Unpacker *unpacker, char *text, size_t size)
{
    size_t len = unpack_u16(unpacker);
    const char *bytes = unpack_bytes(unpacker, len);

    text[0] = '\0';
    if (!bytes || len >= size || memchr(bytes, '\0', len)) {
        unpacker->failed = true;
        return;
    }
    memcpy(text, bytes, len);
    text[len] = '\0';
}
