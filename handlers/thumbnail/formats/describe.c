/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/describe.h"

#include "formats/jpeg.h"
#include "library.h"
#include "pixels/vector.h"

#include <stdio.h>

#include <jpeglib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <vips/vips.h>
#include <webp/encode.h>

#define SIMD_SIDE  768
#define SIMD_TIMES 9
/* A smaller gain is noise. */
#define SIMD_GAIN 1.25

void describe_environment(char *ret_text, size_t size)
{
    *ret_text = '\0';
    for (char **variable = environ; variable && *variable; variable++) {
        size_t len = strcspn(*variable, "=");
        g_autofree char *name = g_strndup(*variable, len);
        if (library_sets_variable(name))
            continue;
        if (*ret_text)
            g_strlcat(ret_text, ", ", size);
        g_strlcat(ret_text, name, size);
    }
}

static const char *describe_vectors(void)
{
#if VIPS_MAJOR_VERSION > 8 || VIPS_MINOR_VERSION >= 16
    return vips_vector_get_builtin_targets() != 0 ? "Highway" : "no vectors";
#else
    /* A sandbox must forbid code that is made at run time. */
    const char *orc = g_getenv("ORC_CODE");
    return orc && !strcmp(orc, "emulate") ? "ORC emulated" : "ORC";
#endif
}

void describe_libraries(char *ret_text, size_t size)
{
    int webp = WebPGetEncoderVersion();
    g_snprintf(ret_text, size, "libvips %s (%s), libjpeg-turbo %d.%d.%d, libwebp %d.%d.%d",
               vips_version_string(), describe_vectors(), LIBJPEG_TURBO_VERSION_NUMBER / 1000000,
               LIBJPEG_TURBO_VERSION_NUMBER / 1000 % 1000, LIBJPEG_TURBO_VERSION_NUMBER % 1000,
               webp >> 16, webp >> 8 & 255, webp & 255);
}

/* Returns the CPU time of this thread only, as other threads may be busy. */
static int64_t cpu_time_ns(void)
{
    struct timespec used;
    /* This clock is always there. */
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* Returns the shortest of several decodings, in nanoseconds of this thread; 0 if one fails. */
static int64_t time_decoding(GBytes *jpeg)
{
    int64_t shortest = INT64_MAX;
    size_t size;
    const void *data = g_bytes_get_data(jpeg, &size);
    for (int i = 0; i < SIMD_TIMES; i++) {
        g_auto(JpegImage) image = {0};
        int64_t start = cpu_time_ns();
        if (!jpeg_decode(data, size, SIMD_SIDE, SIMD_SIDE, false, &image, NULL))
            return 0;
        shortest = MIN(shortest, cpu_time_ns() - start);
    }
    return shortest;
}

typedef struct {
    GBytes *jpeg;
    int64_t time_ns;
} PlainTiming;

/*
 * Measures without vector code, in a thread of its own: libjpeg-turbo chooses its code anew in each
 * thread, by this variable.
 */
static void *time_without(void *data)
{
    PlainTiming *timing = data;
    g_setenv("JSIMD_FORCENONE", "1", TRUE);
    timing->time_ns = time_decoding(timing->jpeg);
    return NULL;
}

void describe_simd(char *ret_text, size_t size)
{
    *ret_text = '\0';
    g_autoptr(Picture) picture = picture_new(SIMD_SIDE, SIMD_SIDE, 3, NULL);
    if (picture == NULL)
        return;
    size_t n = picture_stride(picture) * SIMD_SIDE;
    for (size_t i = 0; i < n; i++)
        picture->pixels[i] = (uint8_t)((i * i) >> 9);
    g_autoptr(GBytes) jpeg = jpeg_encode(picture, 60, NULL);
    if (jpeg == NULL)
        return;
    int64_t with_ns = time_decoding(jpeg);
    PlainTiming without = {.jpeg = jpeg};
    pthread_t thread;
    if (pthread_create(&thread, NULL, time_without, &without) != 0 ||
        pthread_join(thread, NULL) != 0 || with_ns <= 0)
        return;
    double gain = (double)without.time_ns / (double)with_ns;
    if (gain >= SIMD_GAIN)
        g_snprintf(ret_text, size,
                   "JPEG decodes %.1f times as fast with it as without; scaling by %s", gain,
                   vector_name());
}
