/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of control and query sockets: the decoder refuses a frame or its fields are within the
 * limits, and an accepted frame encodes to the same bytes. The first byte is the type of the
 * request that the frame may answer.
 */
#include "control/control_request.h"
#include "fuzz.h"

#include <glib.h>
#include <string.h>

static void check_packet(ControlPacket *packet, const uint8_t *data, size_t len)
{
    g_assert_cmpmem(packet->data, packet->len, data, len);
    control_packet_clear(packet);
}

static void check_request(const ControlFrame *frame, const uint8_t *data, size_t len)
{
    g_autoptr(GError) error = NULL;
    ControlRequest request;
    ControlPacket packet;
    size_t n = 0;

    if (!control_request_parse(frame, &request, &error)) {
        g_assert_nonnull(error);
        return;
    }
    g_assert_nonnull(control_request_name(request.type));
    g_assert_true(request.type != CONTROL_INVOKE || request.invoke.n_events > 0);
    for (const char *text = NULL; (text = control_request_next(&request, text));)
        n += strlen(text) + 1;
    g_assert_cmpuint(n, ==, request.payload_len);
    g_assert_true(control_request_format(&request, &packet, NULL));
    if (packet.fd < 0)
        check_packet(&packet, data, len);
    else
        control_packet_clear(&packet);
}

static void check_news(const ControlFrame *frame, const uint8_t *data, size_t len)
{
    char text[CONTROL_TEXT_MAX];
    ControlPacket packet;
    ProgressCount count;
    ErrorCode code;

    if (control_progress_parse(frame, &count)) {
        g_assert_true(control_progress_format(&count, &packet, NULL));
        check_packet(&packet, data, len);
    }
    if (control_item_parse(frame, text)) {
        g_assert_true(control_item_format(text, &packet, NULL));
        check_packet(&packet, data, len);
    }
    if (control_error_parse(frame, &code, text)) {
        g_assert_true(control_error_format(code, text, &packet, NULL));
        check_packet(&packet, data, len);
    }
}

static void check_answer(unsigned type, const ControlFrame *frame, const uint8_t *data, size_t len)
{
    ControlAnswer answer;
    ControlPacket packet;

    if (!control_request_name(type) || !control_answer_parse(type, frame, &answer, NULL))
        return;
    g_assert_true(control_answer_format(type, &answer, &packet, NULL));
    control_answer_clear(type, &answer);
    check_packet(&packet, data, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    ControlFrame frame;

    if (len < 1 || !control_frame_decode(data + 1, len - 1, &frame, NULL) || frame.in_memory_file)
        return 0;
    check_request(&frame, data + 1, len - 1);
    check_news(&frame, data + 1, len - 1);
    check_answer(data[0], &frame, data + 1, len - 1);
    return 0;
}
