/* SPDX-License-Identifier: Apache-2.0 */
/* Both decoders of frames: they refuse a frame or its fields are within the limits, and an accepted
 * frame encodes to the same bytes. An order goes to each handler program once at most. */
#include "fuzz.h"
#include "wire/answer.h"
#include "wire_limits.h"

#include <string.h>

static void check_encoding(const uint8_t *frame, size_t frame_len, const uint8_t *data, size_t len)
{
    g_assert_cmpmem(frame, frame_len, data, len);
}

/* No answer that names another program is believed after all programs got the order. */
static void check_needs(const WireResult *result)
{
    ThumbnailOrder order = {.wire.serial = result->serial};
    size_t n, program;
    const HandlerProgram *rows = program_table(&n);

    if (!*result->needs)
        return;
    if (answer_is_sound(&order, result)) {
        g_assert_true(program_from_name(result->needs, &program));
        g_assert_nonnull(rows[program].types);
        g_assert_cmpuint(result->n_thumbnails, ==, 0);
    }
    for (order.program = 0; order.program < n; order.program++) {
        order.asked = (1U << n) - 1;
        g_assert_false(answer_is_sound(&order, result));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autoptr(GError) error = NULL;
    uint8_t frame[WIRE_FRAME_MAX];
    WireResult result;
    WireOrder order;

    if (wire_decode_order(data, len, &order, NULL)) {
        wire_limits_check_order(&order);
        check_encoding(frame, wire_encode_order(&order, frame), data, len);
    }
    if (wire_decode_result(data, len, &result, &error)) {
        wire_limits_check_result(&result);
        check_needs(&result);
        check_encoding(frame, wire_encode_result(&result, frame), data, len);
    } else {
        g_assert_error(error, THUMBQ_ERROR, ERROR_PROTOCOL);
    }
    return 0;
}
