/* SPDX-License-Identifier: Apache-2.0 */
#include "describe.h"

#include "jpeg.h"
#include "library.h"
#include "vector.h"

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
#define SIMD_GAIN  1.25 /* less is noise */

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
    const char *orc =
        g_getenv("ORC_CODE"); /* code made at run time is what a sandbox must forbid */
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

/* Of this thread alone: others may be busy. */
static int64_t cpu_time_ns(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used); /* this clock is always there */
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* The shortest of several tries, in nanoseconds of this thread; 0 if it fails. */
static int64_t time_decoding(GBytes *jpeg)
{
    int64_t shortest = INT64_MAX;
    size_t size;
    const void *data = g_bytes_get_data(jpeg, &size);
    for (int i = 0; i < SIMD_TIMES; i++) {
        g_auto(JpegImage) image = {0};
        int64_t start = cpu_time_ns();
        if (!jpeg_decode(data, size, SIMD_SIDE, SIMD_SIDE, &image, NULL))
            return 0;
        shortest = MIN(shortest, cpu_time_ns() - start);
    }
    return shortest;
}

typedef struct {
    GBytes *jpeg;
    int64_t time_ns;
} Timing;

/* libjpeg-turbo decides anew in each thread which code it takes, and can be told to take none. */
static void *time_without(void *data)
{
    Timing *timing = data;
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
    Timing without = {.jpeg = jpeg};
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
