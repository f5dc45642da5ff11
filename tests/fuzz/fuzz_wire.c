/* SPDX-License-Identifier: Apache-2.0 */
/* Both decoders of frames: within the limits, or refused; what they let through encodes the same.
 */
#include "fuzz.h"
#include "wire_limits.h"

#include <string.h>

static void check_encoding(const uint8_t *frame, size_t frame_len, const uint8_t *data, size_t len)
{
    g_assert_cmpmem(frame, frame_len, data, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autoptr(GError) error = NULL;
    uint8_t frame[WIRE_FRAME_MAX];
    WireResult result;
    WireJob job;

    if (wire_decode_job(data, len, &job, NULL)) {
        wire_limits_check_job(&job);
        check_encoding(frame, wire_encode_job(&job, frame), data, len);
    }
    if (wire_decode_result(data, len, &result, &error)) {
        wire_limits_check_result(&result);
        check_encoding(frame, wire_encode_result(&result, frame), data, len);
    } else {
        g_assert_error(error, THUMBQ_ERROR, ERROR_PROTOCOL);
    }
    return 0;
}
