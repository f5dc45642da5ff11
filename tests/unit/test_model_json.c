/* SPDX-License-Identifier: Apache-2.0 */
/* Plain data in the forms for other programs, byte for byte. */
#include "model/eventbridge.h"
#include "model/lambda_record.h"
#include "model/object_json.h"
#include "model/s3_event.h"
#include "model/stats_json.h"

#include "base/clock.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* The time 2023-11-14T22:13:20Z. */
#define START_US (1700000000 * CLOCK_US_PER_SEC)

static const ImageFacts facts = {
    .type = IMAGE_JPEG,
    .width = 620,
    .height = 480,
    .pages = 1,
    .orientation = 6,
    .etag = {0x0123456789abcdef, 0xfedcba9876543210},
    .has_color = true,
    .color = 0x0a0b0c,
};

static const Thumbnail thumbnail = {
    .rendition = "small",
    .facts = {.type = IMAGE_JPEG, .width = 256, .height = 198, .size = 11769}};

static const Attempt attempt = {
    .request_id = {0xe2, 0x82, 0x71, 0x19, 0xfe, 0xe3, 0x4e, 0xc0, 0xb2, 0xb1, 0x4c, 0xec, 0x08,
                   0x68, 0xf7, 0xef},
    .start_us = START_US,
    .duration_us = 8130,
    .cpu_us = 12340,
    .memory_bytes = 4096,
    .error = ERROR_DAMAGED,
};

static ObjectInfo done_object(const char *key)
{
    return (ObjectInfo){
        .key = key,
        .id = 7,
        .sequencer = 0xabc,
        .state = STATE_DONE,
        .version = {.ino = 5, .size = 115970, .mtime_ns = START_US * 1000 + 1, .ctime_ns = -1},
        .is_current = true,
        .date = {.wall_us = START_US, .instant_us = START_US},
        .uploaded_us = START_US,
        .processed_us = START_US + CLOCK_US_PER_SEC,
        .duration_us = 18200,
        .attempts = 1,
        .worker = "granite",
        .message = "",
        .facts = &facts,
        .thumbnails = &thumbnail,
        .n_thumbnails = 1,
        .log = &attempt,
        .n_log = 1,
    };
}

static void check(json_t *json, const char *expected)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15));

    g_assert_cmpstr(text, ==, expected);
    free(text);
    json_decref(json);
}

#define THUMBNAIL(path)                                                                            \
    "{\"rendition\":\"small\"," path ",\"type\":\"jpeg\",\"width\":256,\"height\":198,"            \
    "\"size\":11769}"

static void test_object(void)
{
    const ObjectInfo object = done_object("a.jpg");
    json_t *json = object_json(&object, "thumbnails");

    object_json_add_details(json, &object);
    check(json,
          "{\"name\":\"a.jpg\",\"size\":115970,\"date\":\"2023-11-14T22:13:20\",\"date_utc\":null,"
          "\"date_source\":\"mtime\",\"state\":\"done\",\"type\":\"jpeg\",\"width\":620,"
          "\"height\":480,\"pages\":1,\"orientation\":6,\"alpha\":false,\"damaged\":false,"
          "\"uploaded\":\"2023-11-14T22:13:20.000Z\",\"processed\":\"2023-11-14T22:13:21.000Z\","
          "\"duration_ms\":18.2,\"attempts\":1,\"worker\":\"granite\",\"thumbhash\":null,\"color\":"
          "\"#0a0b0c\","
          "\"thumbnails\":[" THUMBNAIL(
              "\"path\":\"thumbnails/small/a.jpg.jpg\"") "],\"error\":null,\"away\":false,"
                                                         "\"id\":7,\"sequencer\":"
                                                         "\"0000000000000ABC\","
                                                         "\"etag\":"
                                                         "\"fedcba98765432100123456789abcdef\","
                                                         "\"version\":{\"inode\":5,\"size\":115970,"
                                                         "\"mtime\":\"2023-11-14T22:13:20."
                                                         "000000001Z\","
                                                         "\"ctime\":\"1969-12-31T23:59:59."
                                                         "999999999Z\"},\"current\":true,"
                                                         "\"priority\":null,"
                                                         "\"due\":null,\"attempts_log\":[{"
                                                         "\"request_id\":\"e2827119-fee3-4ec0-b2b1-"
                                                         "4cec0868f7ef\","
                                                         "\"start\":\"2023-11-14T22:13:20.000Z\","
                                                         "\"duration_ms\":8.13,\"cpu_ms\":12.3,"
                                                         "\"memory_bytes\":4096,\"error\":"
                                                         "\"damaged\"}]}");
}

static void test_dead_object(void)
{
    ObjectInfo object = done_object("a.jpg");
    object.state = STATE_DEAD;
    object.error = ERROR_DAMAGED;
    object.error_class = ERROR_CLASS_REJECT;
    object.message = "not whole: \xff";
    json_t *json = object_json(&object, "thumbnails");

    check(json_incref(json_object_get(json, "error")),
          "{\"name\":\"damaged\",\"class\":\"reject\",\"message\":\"not whole: \xef\xbf\xbd\"}");
    json_decref(json);
}

/* The event of S3 for the key "we ird/a\xff.jpg". */
#define UPLOAD                                                                                     \
    "{\"Records\":[{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\",\"awsRegion\":\"local\","  \
    "\"eventTime\":\"2023-11-14T22:13:20.000Z\",\"eventName\":\"ObjectCreated:Put\","              \
    "\"userIdentity\":{\"principalId\":\"thumbq\"},"                                               \
    "\"requestParameters\":{\"sourceIPAddress\":\"127.0.0.1\"},"                                   \
    "\"responseElements\":{\"x-amz-request-id\":\"0000000000000ABC\",\"x-amz-id-2\":\"\"},"        \
    "\"s3\":{\"s3SchemaVersion\":\"1.0\",\"configurationId\":\"thumbnail\","                       \
    "\"bucket\":{\"name\":\"b\",\"ownerIdentity\":{\"principalId\":\"thumbq\"},"                   \
    "\"arn\":\"arn:aws:s3:::b\"},\"object\":{\"key\":\"we+ird/a%FF.jpg\",\"size\":115970,"         \
    "\"sequencer\":\"0000000000000ABC\"}}}]}"

static void test_s3_event(void)
{
    const Event event = {.sequencer = 0xabc,
                         .time_us = START_US,
                         .type = EVENT_CREATED,
                         .object_id = 7,
                         .size = 115970,
                         .key = "we ird/a\xff.jpg",
                         .detail = ""};

    check(s3_event_json(&event, "/tmp/b", NULL), UPLOAD);
}

static void test_lambda_record(void)
{
    const ObjectInfo object = done_object("we ird/a\xff.jpg");

    check(lambda_record_json(&object, "R", "/tmp/b", "thumbnails", START_US),
          "{\"version\":\"1.0\",\"timestamp\":\"2023-11-14T22:13:20.000Z\","
          "\"requestContext\":{\"requestId\":\"R\","
          "\"functionArn\":\"arn:aws:lambda:local:0:function:thumbnail:$LATEST\","
          "\"condition\":\"Success\",\"approximateInvokeCount\":1},\"requestPayload\":" UPLOAD
          ",\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"$LATEST\"},"
          "\"responsePayload\":{\"thumbnails\":[" THUMBNAIL(
              "\"path\":\"thumbnails/small/we ird/a%FF.jpg.jpg\","
              "\"path_encoding\":\"percent\"") "]}}");
}

static void test_lambda_failure(void)
{
    ObjectInfo object = done_object("we ird/a\xff.jpg");
    object.state = STATE_DEAD;
    object.error = ERROR_DAMAGED;
    object.message = "damaged: the image cannot be decoded";
    json_t *json = lambda_record_json(&object, "R", "/tmp/b", "thumbnails", START_US);

    g_assert_cmpstr(
        json_string_value(json_object_get(json_object_get(json, "requestContext"), "condition")),
        ==, "Rejected");
    check(json_incref(json_object_get(json, "responsePayload")),
          "{\"errorMessage\":\"damaged: the image cannot be decoded\",\"errorType\":\"damaged\"}");
    check(json_incref(json_object_get(json, "responseContext")),
          "{\"statusCode\":200,\"executedVersion\":\"$LATEST\",\"functionError\":\"Unhandled\"}");
    json_decref(json);
}

/* The parsed form is the printed one, and nothing else is parsed. */
static void test_stats_group(void)
{
    static const char *const wrong[] = {
        "[]",
        "{}",
        "{\"group\":\"a\",\"objects\":1,\"source_bytes\":2,\"thumbnails\":3,"
        "\"thumbnail_bytes\":4,\"done\":5}",
        "{\"group\":1,\"objects\":1,\"source_bytes\":2,\"thumbnails\":3,"
        "\"thumbnail_bytes\":4,\"done\":5,\"dead\":6}",
        "{\"group\":\"a\",\"objects\":-1,\"source_bytes\":2,\"thumbnails\":3,"
        "\"thumbnail_bytes\":4,\"done\":5,\"dead\":6}",
        "{\"group\":\"%4\",\"group_encoding\":\"percent\",\"objects\":1,\"source_bytes\":2,"
        "\"thumbnails\":3,\"thumbnail_bytes\":4,\"done\":5,\"dead\":6}",
    };
    static const char *const names[] = {"", "2026-01", "a folder", "50%41", "\xff%41", "new\nline"};
    const ObjectTotals totals = {.objects = 1,
                                 .source_bytes = 2,
                                 .thumbnails = 3,
                                 .thumbnail_bytes = 4,
                                 .by_state = {[STATE_DONE] = 5, [STATE_DEAD] = 6}};
    g_autofree char *unset = NULL;
    ObjectTotals parsed;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        json_t *json = stats_group_json(names[i], &totals);
        g_autofree char *group = NULL;
        g_assert_true(stats_group_parse(json, &group, &parsed));
        g_assert_cmpstr(group, ==, names[i]);
        g_assert_cmpmem(&parsed, sizeof parsed, &totals, sizeof totals);
        json_decref(json);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        json_t *json = json_loads(wrong[i], 0, NULL);
        g_assert_nonnull(json);
        g_assert_false(stats_group_parse(json, &unset, &parsed));
        g_assert_null(unset);
        json_decref(json);
    }
}

static void test_eventbridge(void)
{
    const Event event =
        event_of_bucket(EVENT_JOB, "job 12", "{\"status\":\"RUNNING\"}", START_US + 500000);
    json_t *json = eventbridge_json(&event, "/tmp/b");

    /* Source: uuid5(NAMESPACE_URL, "arn:aws:batch:local:0:job/12@2023-11-14T22:13:20.500Z") in
     * Python. */
    g_autofree char *id = g_strdup(json_string_value(json_object_get(json, "id")));
    g_assert_cmpstr(id, ==, "2ba6316b-c4c9-548f-b260-cd20f98f763c");
    json_object_del(json, "id");
    check(json, "{\"version\":\"0\",\"detail-type\":\"Batch Job State Change\","
                "\"source\":\"aws.batch\",\"account\":\"local\",\"time\":\"2023-11-14T22:13:20Z\","
                "\"region\":\"local\",\"resources\":[\"arn:aws:batch:local:0:job/12\"],"
                "\"detail\":{\"status\":\"RUNNING\"}}");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model_json/object", test_object);
    g_test_add_func("/model_json/dead_object", test_dead_object);
    g_test_add_func("/model_json/s3_event", test_s3_event);
    g_test_add_func("/model_json/lambda_record", test_lambda_record);
    g_test_add_func("/model_json/lambda_failure", test_lambda_failure);
    g_test_add_func("/model_json/stats_group", test_stats_group);
    g_test_add_func("/model_json/eventbridge", test_eventbridge);
    return g_test_run();
}
