/* SPDX-License-Identifier: Apache-2.0 */
#include "wire_limits.h"

#include <string.h>

static void check_rendition(const Rendition *rendition)
{
    g_assert_nonnull(memchr(rendition->name, '\0', sizeof rendition->name));
    g_assert_true(rendition->width >= 1 && rendition->width <= RENDITION_SIZE_MAX);
    g_assert_true(rendition->height >= 1 && rendition->height <= RENDITION_SIZE_MAX);
    g_assert_true(rendition->fit >= FIT_INSIDE && rendition->fit <= FIT_FILL);
    g_assert_true(rendition->format >= FORMAT_JPEG && rendition->format <= FORMAT_SAME);
    g_assert_true(rendition->quality >= 1 && rendition->quality <= 100);
    g_assert_true(rendition->background <= 0xffffff);
    g_assert_true(rendition->animation == ANIMATION_FIRST ||
                  rendition->animation == ANIMATION_KEEP);
    g_assert_true(rendition->max_frames >= 1 && rendition->max_frames <= RENDITION_FRAMES_MAX);
    g_assert_true(rendition->keep < 1U << KEEP_BITS);
}

void wire_limits_check_order(const WireOrder *order)
{
    g_assert_cmpint(order->max_pixels, >=, 1);
    g_assert_cmpint(order->max_file_size, >=, 1);
    g_assert_cmpint(order->max_output_size, >=, 1);
    g_assert_cmpint(order->max_pages, >=, 1);
    g_assert_cmpuint(order->n_renditions, <=, RENDITIONS_MAX);
    for (size_t i = 0; i < order->n_renditions; i++)
        check_rendition(&order->renditions[i]);
}

static void check_facts(const ImageFacts *facts)
{
    g_assert_true(facts->type >= IMAGE_NONE && facts->type < IMAGE_TYPES);
    g_assert_true(facts->width >= 0 && facts->height >= 0 && facts->pages >= 0);
    g_assert_true(facts->orientation >= 0 && facts->orientation <= 8);
    g_assert_cmpuint(facts->color, <=, 0xffffff);
    g_assert_cmpuint(facts->thumbhash_len, <=, THUMBHASH_MAX);
}

static void check_needs(const char needs[static PROGRAM_NAME_MAX])
{
    size_t program;

    g_assert_nonnull(memchr(needs, '\0', PROGRAM_NAME_MAX));
    g_assert_true(program_from_name(needs, &program));
}

void wire_limits_check_result(const WireResult *result)
{
    g_assert_true(result->error >= ERROR_NONE && result->error < ERROR_USAGE);
    g_assert_cmpstr(error_name(result->error), !=, "unknown");
    g_assert_nonnull(memchr(result->message, '\0', sizeof result->message));
    g_assert_true(g_utf8_validate(result->message, -1, NULL));
    for (const char *at = result->message; *at; at = g_utf8_next_char(at))
        g_assert_false(g_unichar_iscntrl(g_utf8_get_char(at)));
    if (*result->needs)
        check_needs(result->needs);
    g_assert_true(result->memory_bytes >= 0 && result->memory_bytes <= WIRE_MEMORY_MAX);
    g_assert_true(result->cpu_us >= 0 && result->cpu_us <= WIRE_CPU_MAX_US);
    g_assert_cmpuint(result->payload_len, <=, WIRE_PAYLOAD_MAX);
    g_assert_cmpint(result->memory_fd, ==, -1);
    check_facts(&result->facts);
    g_assert_cmpuint(result->n_thumbnails, <=, RENDITIONS_MAX);
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        const ThumbnailFacts *thumbnail = &result->thumbnails[i];
        g_assert_true(thumbnail->type >= IMAGE_NONE && thumbnail->type < IMAGE_TYPES);
        g_assert_true(thumbnail->width >= 1 && thumbnail->width <= RENDITION_SIZE_MAX);
        g_assert_true(thumbnail->height >= 1 && thumbnail->height <= RENDITION_SIZE_MAX);
        g_assert_true(thumbnail->size >= 1 && thumbnail->size <= WIRE_THUMBNAIL_MAX);
        g_assert_true(result->places[i].kind <= PLACE_MEMORY);
        g_assert_true(result->places[i].offset >= 0 &&
                      result->places[i].offset <= WIRE_THUMBNAIL_MAX);
    }
}
