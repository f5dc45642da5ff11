/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/boxes.h"

#include <glib.h>

size_t bytes_left(const Bytes *bytes)
{
    return (size_t)(bytes->end - bytes->at);
}

uint64_t bytes_read(Bytes *bytes, size_t n)
{
    uint64_t value = 0;
    if (bytes_left(bytes) < n) {
        bytes->at = bytes->end;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        value = value << 8 | *bytes->at++;
    return value;
}

bool box_next(Bytes *bytes, Box *ret_box)
{
    if (bytes_left(bytes) < 8)
        return false;
    const uint8_t *start = bytes->at;
    uint64_t most = bytes_left(bytes);
    uint64_t size = bytes_read(bytes, 4);
    ret_box->name = (uint32_t)bytes_read(bytes, 4);
    if (size == 1) {
        if (bytes_left(bytes) < 8)
            return false;
        size = bytes_read(bytes, 8);
    } else if (size == 0) {
        size = most;
    }
    if (size < (uint64_t)(bytes->at - start))
        return false;
    ret_box->body = (Bytes){bytes->at, start + MIN(size, most)};
    bytes->at = ret_box->body.end;
    return true;
}

bool box_find(Bytes boxes, uint32_t name, Bytes *ret_body)
{
    Box box;
    while (box_next(&boxes, &box)) {
        if (box.name == name) {
            *ret_body = box.body;
            return true;
        }
    }
    return false;
}
