/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/keys.h"

#include <glib.h>
#include <string.h>

#define SIGN_BIT (UINT64_C(1) << 63)

size_t key_from_name(const char *name, size_t max, uint8_t *ret_key)
{
    size_t len = strlen(name);

    if (len <= max) {
        memcpy(ret_key, name, len);
        return len;
    }

    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    size_t prefix_len = KEY_PREFIX_LEN(max);
    gsize hash_len = KEY_HASH_LEN;

    g_checksum_update(checksum, (const guchar *)name, (gssize)len);
    memcpy(ret_key, name, prefix_len);
    ret_key[prefix_len] = '\0';
    g_checksum_get_digest(checksum, ret_key + prefix_len + 1, &hash_len);
    return max;
}

size_t key_from_object(const char *key, uint8_t ret_key[static KEY_MAX])
{
    return key_from_name(key, KEY_MAX, ret_key);
}

uint8_t *key_put_u32(uint8_t *at, uint32_t value)
{
    uint32_t big_endian = GUINT32_TO_BE(value);

    memcpy(at, &big_endian, sizeof big_endian);
    return at + sizeof big_endian;
}

uint8_t *key_put_u64(uint8_t *at, uint64_t value)
{
    uint64_t big_endian = GUINT64_TO_BE(value);

    memcpy(at, &big_endian, sizeof big_endian);
    return at + sizeof big_endian;
}

uint8_t *key_put_i64(uint8_t *at, int64_t value)
{
    return key_put_u64(at, (uint64_t)value ^ SIGN_BIT);
}

uint32_t key_get_u32(const uint8_t *at)
{
    uint32_t big_endian;

    memcpy(&big_endian, at, sizeof big_endian);
    return GUINT32_FROM_BE(big_endian);
}

uint64_t key_get_u64(const uint8_t *at)
{
    uint64_t big_endian;

    memcpy(&big_endian, at, sizeof big_endian);
    return GUINT64_FROM_BE(big_endian);
}

int64_t key_get_i64(const uint8_t *at)
{
    return (int64_t)(key_get_u64(at) ^ SIGN_BIT);
}
