/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of a worker's answer: which answers are accepted, and after which the worker is not
 * used again. */
#include "wire/answer.h"

#include <string.h>

typedef struct {
    ThumbnailOrder order;
    WireResult result;
} Given;

/* Makes an answer with two renditions of 100x80, a JPEG and one of the type of the source, both as
 * the order asked for. */
static Given make_answer(void)
{
    const Rendition rendition = {.name = "r", .width = 100, .height = 80, .max_frames = 10};
    Given answer = {
        .order.wire = {.serial = 1, .max_output_size = 1000, .own_files = true, .n_renditions = 2},
        .result = {.serial = 1,
                   .facts = {.type = IMAGE_PNG, .width = 640, .height = 480, .pages = 1},
                   .thumbnails = {{IMAGE_JPEG, 100, 75, 400}, {IMAGE_PNG, 100, 75, 600}},
                   .n_thumbnails = 2},
    };

    answer.order.wire.renditions[0] = answer.order.wire.renditions[1] = rendition;
    answer.order.wire.renditions[1].format = FORMAT_SAME;
    return answer;
}

/* Makes the same answer of a shared worker: the first thumbnail is in the answer, the second in
 * memory. */
static Given make_shared(void)
{
    Given answer = make_answer();

    answer.order.wire.own_files = false;
    answer.result.places[0] = (WirePlace){PLACE_ANSWER, 100};
    answer.result.places[1] = (WirePlace){PLACE_MEMORY, 7};
    answer.result.payload_len = 500;
    answer.result.filled_memory = true;
    return answer;
}

/* Makes an answer that says that the source is unchanged. */
static Given make_unchanged(void)
{
    Given answer = make_answer();
    const WireResult result = {.serial = 1, .unchanged = true, .facts = {.etag = {5, 6}}};

    answer.order.wire.known_etag[0] = 5;
    answer.order.wire.known_etag[1] = 6;
    answer.result = result;
    return answer;
}

typedef struct {
    const char *name;
    void (*spoil)(Given *answer);
} Case;

#define SPOIL(what, ...)                                                                           \
    static void spoil_##what(Given *answer)                                                        \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
SPOIL(count, answer->result.n_thumbnails = 1)
SPOIL(no_source_type, answer->result.facts.type = IMAGE_NONE)
SPOIL(other_source_type, answer->result.facts.type = IMAGE_OTHER)
SPOIL(no_width, answer->result.facts.width = 0)
SPOIL(no_height, answer->result.facts.height = 0)
SPOIL(no_pages, answer->result.facts.pages = 0)
SPOIL(another_type, answer->result.thumbnails[0].type = IMAGE_PNG)
SPOIL(no_type, answer->result.thumbnails[0].type = IMAGE_NONE)
SPOIL(type_that_is_not_the_same, answer->result.thumbnails[1].type = IMAGE_JPEG)
SPOIL(animation_of_a_still, answer->result.thumbnails[1].type = IMAGE_WEBP)
SPOIL(animation_not_asked_for, answer->result.facts.type = IMAGE_GIF;
      answer->result.facts.pages = 3; answer->result.thumbnails[1].type = IMAGE_WEBP)
SPOIL(wide, answer->result.thumbnails[0].width = 101)
SPOIL(high, answer->result.thumbnails[1].height = 81)
SPOIL(large, answer->result.thumbnails[0].size = 1001)
SPOIL(large_together, answer->result.thumbnails[0].size = 401)
SPOIL(error_with_thumbnails, answer->result.error = ERROR_DAMAGED)

static const Case spoilt[] = {
    {"count", spoil_count},
    {"no-source-type", spoil_no_source_type},
    {"other-source-type", spoil_other_source_type},
    {"no-width", spoil_no_width},
    {"no-height", spoil_no_height},
    {"no-pages", spoil_no_pages},
    {"another-type", spoil_another_type},
    {"no-type", spoil_no_type},
    {"type-that-is-not-the-same", spoil_type_that_is_not_the_same},
    {"animation-of-a-still", spoil_animation_of_a_still},
    {"animation-not-asked-for", spoil_animation_not_asked_for},
    {"wide", spoil_wide},
    {"high", spoil_high},
    {"large", spoil_large},
    {"large-together", spoil_large_together},
    {"error-with-thumbnails", spoil_error_with_thumbnails},
};

static void test_spoilt(const void *data)
{
    const Case *row = data;
    Given answer = make_answer();

    g_assert_true(answer_is_sound(&answer.order, &answer.result));
    row->spoil(&answer);
    g_assert_false(answer_is_sound(&answer.order, &answer.result));
}

SPOIL(in_the_answer, answer->result.places[1].kind = PLACE_ANSWER)
SPOIL(in_memory, answer->result.places[1].kind = PLACE_MEMORY)
SPOIL(filled_memory, answer->result.filled_memory = true)
SPOIL(beyond_the_answer, answer->result.places[0].offset = 101)
SPOIL(far_beyond_the_answer, answer->result.places[0].offset = WIRE_THUMBNAIL_MAX)
SPOIL(in_no_memory, answer->result.filled_memory = false)
SPOIL(in_a_file, answer->result.places[0] = (WirePlace){PLACE_FILE, 0})

static const Case spoilt_files[] = {
    {"in-the-answer", spoil_in_the_answer},
    {"in-memory", spoil_in_memory},
    {"filled-memory", spoil_filled_memory},
};

static const Case spoilt_shared[] = {
    {"beyond-the-answer", spoil_beyond_the_answer},
    {"far-beyond-the-answer", spoil_far_beyond_the_answer},
    {"in-no-memory", spoil_in_no_memory},
    {"in-a-file", spoil_in_a_file},
};

static void test_spoilt_shared(const void *data)
{
    const Case *row = data;
    Given answer = make_shared();

    g_assert_true(answer_is_sound(&answer.order, &answer.result));
    row->spoil(&answer);
    g_assert_false(answer_is_sound(&answer.order, &answer.result));
}

SPOIL(not_offered, answer->order.wire.known_etag[0] = answer->order.wire.known_etag[1] = 0)
SPOIL(not_offered_nor_known,
      answer->order.wire.known_etag[0] = answer->order.wire.known_etag[1] = 0;
      answer->result.facts.etag[0] = answer->result.facts.etag[1] = 0)
SPOIL(another_hash, answer->result.facts.etag[1]++)
SPOIL(thumbnails, answer->result.n_thumbnails = 2)
SPOIL(error, answer->result.error = ERROR_DAMAGED)

static const Case spoilt_unchanged[] = {
    {"not-offered", spoil_not_offered},
    {"not-offered-nor-known", spoil_not_offered_nor_known},
    {"another-hash", spoil_another_hash},
    {"thumbnails", spoil_thumbnails},
    {"error", spoil_error},
};

static void test_spoilt_unchanged(const void *data)
{
    const Case *row = data;
    Given answer = make_unchanged();

    g_assert_true(answer_is_sound(&answer.order, &answer.result));
    row->spoil(&answer);
    g_assert_false(answer_is_sound(&answer.order, &answer.result));
}

/* Both types are possible if moving pictures are kept or if transparency decides. */
static void test_types_by_source(void)
{
    Given answer = make_answer();

    answer.order.wire.renditions[0].format = FORMAT_AUTO;
    answer.order.wire.renditions[1].format = FORMAT_AUTO;
    answer.order.wire.renditions[1].animation = ANIMATION_KEEP;
    answer.result.facts.type = IMAGE_GIF;
    answer.result.facts.pages = 10;
    answer.result.thumbnails[1].type = IMAGE_WEBP;
    g_assert_true(answer_is_sound(&answer.order, &answer.result));
    /* There are too many frames to keep. */
    answer.result.facts.pages = 11;
    g_assert_false(answer_is_sound(&answer.order, &answer.result));
    answer.result.facts.alpha = true;
    g_assert_false(answer_is_sound(&answer.order, &answer.result));
    answer.result.thumbnails[0].type = IMAGE_WEBP;
    g_assert_true(answer_is_sound(&answer.order, &answer.result));
}

static void test_failure(void)
{
    Given answer = make_answer();
    const WireResult failure = {.serial = 1, .error = ERROR_DAMAGED};

    g_assert_true(answer_is_sound(&answer.order, &failure));
}

/* Makes an answer of the first program that says that the second one reads the file. */
static Given make_needs(void)
{
    Given answer = make_answer();
    const WireResult result = {.serial = 1,
                               .error = ERROR_UNSUPPORTED_TYPE,
                               .facts = {.type = IMAGE_QOI},
                               .needs = "second"};

    answer.result = result;
    return answer;
}

static void need(Given *answer, const char *name)
{
    g_strlcpy(answer->result.needs, name, sizeof answer->result.needs);
}

SPOIL(no_error, answer->result.error = ERROR_NONE)
SPOIL(another_error, answer->result.error = ERROR_DAMAGED)
SPOIL(type_of_the_first, answer->result.facts.type = IMAGE_PNG)
SPOIL(type_of_no_program, answer->result.facts.type = IMAGE_BMP)
SPOIL(no_type_to_need, answer->result.facts.type = IMAGE_NONE)
SPOIL(unknown_program, need(answer, "third"))
SPOIL(itself, need(answer, "thumbnail"))
SPOIL(itself_again, answer->order.program = 1)
SPOIL(program_that_was_asked, answer->order.asked = 1U << 1)
SPOIL(made_something, answer->result.n_thumbnails = 2)
SPOIL(memory_for_nothing, answer->order.wire.own_files = false; answer->result.filled_memory = true)

static const Case spoilt_needs[] = {
    {"no-error", spoil_no_error},
    {"another-error", spoil_another_error},
    {"type-of-the-first", spoil_type_of_the_first},
    {"type-of-no-program", spoil_type_of_no_program},
    {"no-type", spoil_no_type_to_need},
    {"unknown-program", spoil_unknown_program},
    {"itself", spoil_itself},
    {"itself-again", spoil_itself_again},
    {"program-that-was-asked", spoil_program_that_was_asked},
    {"made-something", spoil_made_something},
    {"memory-for-nothing", spoil_memory_for_nothing},
};

static void test_spoilt_needs(const void *data)
{
    const Case *row = data;
    Given answer = make_needs();

    g_assert_true(answer_is_sound(&answer.order, &answer.result));
    row->spoil(&answer);
    g_assert_false(answer_is_sound(&answer.order, &answer.result));
}

/* A program reads the types of its row, and no others. */
static void test_types_of_programs(void)
{
    Given answer = make_answer();

    answer.order.wire.renditions[1].format = FORMAT_JPEG;
    answer.result.thumbnails[1].type = IMAGE_JPEG;
    g_assert_true(answer_is_sound(&answer.order, &answer.result));
    answer.result.facts.type = IMAGE_QOI;
    g_assert_false(answer_is_sound(&answer.order, &answer.result));
    /* A borrower may have each program, and says by its answer which one it was. */
    answer.order.any_program = true;
    g_assert_true(answer_is_sound(&answer.order, &answer.result));
    answer.result.facts.type = IMAGE_BMP;
    g_assert_false(answer_is_sound(&answer.order, &answer.result));
    answer.result.facts.type = IMAGE_QOI;
    answer.order.any_program = false;
    answer.order.program = 1;
    answer.order.asked = 1U << PROGRAM_FIRST;
    g_assert_true(answer_is_sound(&answer.order, &answer.result));
    answer.result.facts.type = IMAGE_PNG;
    g_assert_false(answer_is_sound(&answer.order, &answer.result));
}

typedef struct {
    const char *name;
    ErrorCode error;
    bool damaged, named_as_image;
    bool suspect;
} SuspectCase;

static const SuspectCase suspects[] = {
    {"well", ERROR_NONE, false, true, false},
    {"well-in-part", ERROR_NONE, true, true, true},
    {"no-image", ERROR_NOT_AN_IMAGE, false, false, false},
    {"no-image-by-the-name-of-one", ERROR_NOT_AN_IMAGE, false, true, true},
    {"unsupported", ERROR_UNSUPPORTED_TYPE, false, true, false},
    {"empty", ERROR_EMPTY_FILE, false, false, true},
    {"too-large", ERROR_FILE_TOO_LARGE, false, false, true},
    {"damaged", ERROR_DAMAGED, false, false, true},
    {"source-changed", ERROR_SOURCE_CHANGED, false, false, true},
};

static void test_suspect(const void *data)
{
    const SuspectCase *row = data;
    const WireResult result = {.error = row->error, .facts = {.damaged = row->damaged}};

    g_assert_cmpint(answer_is_suspect(&result, row->named_as_image), ==, row->suspect);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(spoilt); i++) {
        g_autofree char *path = g_strdup_printf("/answer/made/%s", spoilt[i].name);
        g_test_add_data_func(path, &spoilt[i], test_spoilt);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(spoilt_files); i++) {
        g_autofree char *path = g_strdup_printf("/answer/files/%s", spoilt_files[i].name);
        g_test_add_data_func(path, &spoilt_files[i], test_spoilt);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(spoilt_shared); i++) {
        g_autofree char *path = g_strdup_printf("/answer/shared/%s", spoilt_shared[i].name);
        g_test_add_data_func(path, &spoilt_shared[i], test_spoilt_shared);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(spoilt_unchanged); i++) {
        g_autofree char *path = g_strdup_printf("/answer/unchanged/%s", spoilt_unchanged[i].name);
        g_test_add_data_func(path, &spoilt_unchanged[i], test_spoilt_unchanged);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(spoilt_needs); i++) {
        g_autofree char *path = g_strdup_printf("/answer/needs/%s", spoilt_needs[i].name);
        g_test_add_data_func(path, &spoilt_needs[i], test_spoilt_needs);
    }
    g_test_add_func("/answer/types-of-programs", test_types_of_programs);
    g_test_add_func("/answer/types-by-source", test_types_by_source);
    for (size_t i = 0; i < G_N_ELEMENTS(suspects); i++) {
        g_autofree char *path = g_strdup_printf("/answer/suspect/%s", suspects[i].name);
        g_test_add_data_func(path, &suspects[i], test_suspect);
    }
    g_test_add_func("/answer/failure", test_failure);
    return g_test_run();
}
