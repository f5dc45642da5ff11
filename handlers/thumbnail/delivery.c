/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void delivery_begin(OutputDelivery *delivery, const WireOrder *order, const int *files,
                    int memory_fd)
{
    delivery->files = files;
    delivery->memory_fd = memory_fd;
    delivery->left = order->max_output_size;
    delivery->memory_len = 0;
    delivery->payload_len = 0;
}

static bool write_bytes(int fd, const uint8_t *at, size_t left, GError **error)
{
    while (left > 0) {
        ssize_t n = write(fd, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_set_errno(error, errno, "cannot write", "thumbnail");
            return false;
        }
        at += n;
        left -= (size_t)n;
    }
    return true;
}

bool delivery_put(OutputDelivery *delivery, size_t i, const char *name, GBytes *bytes,
                  WirePlace *ret_place, GError **error)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    WirePlace place = {PLACE_FILE, 0};
    if ((int64_t)size > delivery->left) {
        g_set_error(error, THUMBQ_ERROR, ERROR_OUTPUT_TOO_LARGE,
                    "'%s' has %zu bytes, the limit leaves %" G_GINT64_FORMAT, name, size,
                    (gint64)delivery->left);
        return false;
    }
    delivery->left -= (int64_t)size;
    if (delivery->files != NULL) {
        if (!write_bytes(delivery->files[i], data, size, error))
            return false;
    } else if (size <= sizeof delivery->payload - delivery->payload_len) {
        place = (WirePlace){PLACE_ANSWER, (int64_t)delivery->payload_len};
        memcpy(delivery->payload + delivery->payload_len, data, size);
        delivery->payload_len += size;
    } else {
        place = (WirePlace){PLACE_MEMORY, delivery->memory_len};
        delivery->memory_len += (int64_t)size;
        if (!write_bytes(delivery->memory_fd, data, size, error))
            return false;
    }
    *ret_place = place;
    return true;
}

void delivery_end(const OutputDelivery *delivery, WireResult *result)
{
    result->filled_memory = delivery->memory_len > 0;
    result->payload = delivery->payload;
    result->payload_len = result->error == ERROR_NONE ? delivery->payload_len : 0;
}
