/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the query reader: an accepted question is answered or refused, and the answer fits
 * into a frame. The input is "ROWS AFTER NUL WORD NUL WORD NUL ..."; the store has a few objects.
 */
#include "base/clock.h"
#include "base/error.h"
#include "fuzz.h"
#include "reader/reader_answer.h"
#include "store/epoch.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const Command commands[] = {
    {"stats", COMMAND_ASKED | COMMAND_NEEDS_STORE | COMMAND_FILTERS, "", &usage_stats, cmd_stats},
    {"list", COMMAND_ASKED | COMMAND_NEEDS_STORE | COMMAND_FILTERS, "", &usage_list, cmd_list},
    {"show", COMMAND_ASKED | COMMAND_ACCEPTS_BUCKET, "", &usage_show, cmd_show},
    {"dead", COMMAND_ASKED | COMMAND_NEEDS_STORE | COMMAND_FILTERS, "", &usage_dead, cmd_dead},
    {"events", COMMAND_ASKED | COMMAND_NEEDS_STORE, "", &usage_events, cmd_events},
    {"metrics", COMMAND_ASKED | COMMAND_NEEDS_STORE, "", &usage_metrics, cmd_metrics},
    {"bill", COMMAND_ASKED | COMMAND_NEEDS_STORE, "", &usage_bill, cmd_bill},
    {"reprocess", COMMAND_ASKED | COMMAND_NEEDS_STORE | COMMAND_FILTERS, "", &usage_reprocess,
     cmd_reprocess},
    {"trigger", COMMAND_ASKED | COMMAND_ACCEPTS_BUCKET, "", &usage_trigger, cmd_trigger},
    {"schedule", COMMAND_ASKED | COMMAND_ACCEPTS_BUCKET, "", &usage_schedule, cmd_schedule},
};

static void add_objects(Store *store)
{
    static const char *const keys[] = {"a.png", "b/c.jpg", "b/d\xff.gif", "e f"};
    int64_t now_us = clock_wall_us();

    g_assert_true(store_make_epoch(store, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        const ObjectVersion version = {.ino = i + 1, .size = (int64_t)i * 1000};
        StoreSeen seen;
        uint64_t id;
        g_assert_true(
            store_seen(store, keys[i], &version, PRIORITY_UPLOAD, now_us, &seen, &id, NULL));
    }
    g_assert_true(store_commit(store, NULL));
}

static AnswerSource *open_source(void)
{
    static AnswerSource source = {
        .commands = commands, .n_commands = G_N_ELEMENTS(commands), .bucket = "/bucket"};
    char folder[] = "/tmp/fuzz-question-XXXXXX";

    if (source.store)
        return &source;
    json_set_alloc_funcs(g_malloc, g_free);
    g_assert_nonnull(mkdtemp(folder));
    Store *writer = store_open(folder, STORE_WRITE, NULL);
    g_assert_nonnull(writer);
    add_objects(writer);
    store_close(writer);
    source.store = store_open(folder, STORE_READ, NULL);
    source.config = config_load(NULL, NULL);
    source.prefix = g_strdup("thumbnails");
    g_assert_true(source.store && source.config);
    return &source;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data;
    size_t after_len = len > 1 ? strnlen(text + 1, len - 1) : 0;
    ControlRequest request = {.type = CONTROL_QUESTION};
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    ControlAnswer answer;
    ControlPacket packet;

    if (len < 2 || after_len + 2 >= len)
        return 0;
    request.question = (ControlQuestion){
        .after = text + 1, .rows = 1u + data[0] % 8, .style = data[0] / 8 % 16, .width = data[0]};
    request.payload = text + after_len + 2;
    request.payload_len = len - after_len - 2;
    if (!control_request_format(&request, &packet, NULL))
        return 0;
    control_packet_clear(&packet);
    if (!answer_question(open_source(), &request, UINT64_MAX, messages, &answer, &error)) {
        g_assert_nonnull(error);
        return 0;
    }
    g_assert_true(control_answer_format(CONTROL_QUESTION, &answer, &packet, NULL));
    control_packet_clear(&packet);
    control_answer_clear(CONTROL_QUESTION, &answer);
    return 0;
}
