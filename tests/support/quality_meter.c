/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures how true thumbnails are. Usage: quality_meter HANDLER SIZE FILE...
 *
 * The reference is made of the fully decoded picture, in floating point: turned upright, in sRGB,
 * premultiplied, with a Lanczos filter of three lobes by its definition. The handler's thumbnail
 * and that of vips_thumbnail are compared with the reference, over white where they are
 * transparent: as PNG, so that no encoder changes the result, and as JPEG and WebP, which the
 * handler makes in another way. It prints a line for each file and type: name, type, PSNR and SSIM
 * of ours, PSNR and SSIM of vips_thumbnail.
 *
 * quality_meter -t FILE THUMBNAIL... measures thumbnails of the file that other programs have made:
 * it prints PSNR and SSIM of each.
 */
#include "base/file.h"
#include "handler_client.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

/* Red, green, blue and alpha; the colours are premultiplied. */
#define BANDS 4

typedef struct {
    int width, height;
    float *pixels;
} Plane;

static void plane_clear(Plane *plane)
{
    g_free(plane->pixels);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plane, plane_clear)

static Plane plane_new(int width, int height)
{
    return (Plane){width, height, g_new(float, (gsize)width *(gsize)height *BANDS)};
}

G_NORETURN static void end_with_error(const char *file)
{
    fprintf(stderr, "quality_meter: %s: %s\n", file, vips_error_buffer());
    exit(1);
}

/* Replaces `image` by `next`, or ends the program on error. */
static VipsImage *step(int status, VipsImage *image, VipsImage *next, const char *file)
{
    if (status != 0)
        end_with_error(file);
    g_object_unref(image);
    return next;
}

/* Converts to eight bits, sRGB, four bands, premultiplied. Takes ownership of `image`. */
static Plane take_plane(VipsImage *image, const char *file)
{
    VipsImage *next = NULL;
    int status;
    if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) && image->Bands > 2) {
        status = vips_icc_transform(image, &next, "srgb", "embedded", TRUE, "intent",
                                    VIPS_INTENT_PERCEPTUAL, NULL);
        image = step(status, image, next, file);
    }
    status = vips_colourspace(image, &next, VIPS_INTERPRETATION_sRGB, NULL);
    image = step(status, image, next, file);
    status = vips_cast(image, &next, VIPS_FORMAT_UCHAR, NULL);
    image = step(status, image, next, file);
    if (!vips_image_hasalpha(image)) {
        status = vips_bandjoin_const1(image, &next, 255, NULL);
        image = step(status, image, next, file);
    }
    size_t size;
    g_autofree uint8_t *bytes = vips_image_write_to_memory(image, &size);
    if (bytes == NULL || image->Bands != BANDS)
        end_with_error(file);
    Plane plane = plane_new(image->Xsize, image->Ysize);
    for (size_t i = 0; i < size; i += BANDS) {
        float alpha = (float)bytes[i + 3] / 255.0F;
        for (size_t band = 0; band < 3; band++)
            plane.pixels[i + band] = (float)bytes[i + band] * alpha;
        plane.pixels[i + 3] = (float)bytes[i + 3];
    }
    g_object_unref(image);
    return plane;
}

static double lanczos(double x)
{
    if (x == 0)
        return 1;
    return fabs(x) < 3 ? 3 * sin(G_PI * x) * sin(G_PI * x / 3) / (G_PI * G_PI * x * x) : 0;
}

/* Computes one output column (or row): adds up `n` pixels that lie `step_len` apart. */
static void sum_pixels(const float *from, size_t step_len, const float *weights, int n, float *to)
{
    float sums[BANDS] = {0};
    for (int i = 0; i < n; i++) {
        for (int band = 0; band < BANDS; band++)
            sums[band] += weights[i] * from[(size_t)i * step_len + (size_t)band];
    }
    memcpy(to, sums, sizeof sums);
}

/* Scales along one axis: `lines` lines of `from_len` pixels `step_len` apart. */
static void scale_axis(const float *from, int from_len, size_t step_len, size_t line_len, int lines,
                       float *to, int to_len, size_t to_step, size_t to_line)
{
    double ratio = (double)from_len / to_len;
    g_autofree float *weights = g_new(float, (gsize)from_len);
    for (int at = 0; at < to_len; at++) {
        double centre = (at + 0.5) * ratio - 0.5, total = 0;
        int first = MAX(0, (int)ceil(centre - 3 * ratio));
        int last = MIN(from_len - 1, (int)floor(centre + 3 * ratio));
        for (int i = first; i <= last; i++)
            total += lanczos((i - centre) / ratio);
        for (int i = first; i <= last; i++)
            weights[i - first] = (float)(lanczos((i - centre) / ratio) / total);
        for (int line = 0; line < lines; line++)
            sum_pixels(from + (size_t)line * line_len + (size_t)first * step_len, step_len, weights,
                       last - first + 1, to + (size_t)line * to_line + (size_t)at * to_step);
    }
}

static Plane scale_plane(const Plane *from, int width, int height)
{
    g_auto(Plane) low = plane_new(from->width, height);
    Plane to = plane_new(width, height);
    size_t from_line = (size_t)from->width * BANDS, to_line = (size_t)width * BANDS;
    scale_axis(from->pixels, from->height, from_line, BANDS, from->width, low.pixels, height,
               from_line, BANDS);
    scale_axis(low.pixels, from->width, BANDS, from_line, height, to.pixels, width, BANDS, to_line);
    return to;
}

/* A band of a pixel over white, as a screen shows it: a whole number from 0 to 255. */
static double shown(const Plane *plane, int x, int y, int band)
{
    const float *pixel = plane->pixels + ((size_t)y * (size_t)plane->width + (size_t)x) * BANDS;
    double alpha = CLAMP((double)pixel[3], 0, 255);
    return round(CLAMP((double)pixel[band] + 255 - alpha, 0, 255));
}

static double psnr(const Plane *a, const Plane *b)
{
    double sum = 0;
    for (int y = 0; y < a->height; y++) {
        for (int x = 0; x < a->width; x++) {
            for (int band = 0; band < 3; band++) {
                double difference = shown(a, x, y, band) - shown(b, x, y, band);
                sum += difference * difference;
            }
        }
    }
    double mean = sum / (3.0 * a->width * a->height);
    return mean > 0 ? 10 * log10(255.0 * 255.0 / mean) : 99;
}

static double luma(const Plane *plane, int x, int y)
{
    return 0.299 * shown(plane, x, y, 0) + 0.587 * shown(plane, x, y, 1) +
           0.114 * shown(plane, x, y, 2);
}

#define WINDOW 8

/* SSIM of one window of luma. Source: Wang, Bovik, Sheikh, Simoncelli 2004. */
static double ssim_window(const Plane *a, const Plane *b, int left, int top)
{
    const double n = WINDOW * WINDOW, c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
    double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (int y = top; y < top + WINDOW; y++) {
        for (int x = left; x < left + WINDOW; x++) {
            double va = luma(a, x, y), vb = luma(b, x, y);
            sa += va;
            sb += vb;
            saa += va * va;
            sbb += vb * vb;
            sab += va * vb;
        }
    }
    double ma = sa / n, mb = sb / n;
    double va = saa / n - ma * ma, vb = sbb / n - mb * mb, cov = sab / n - ma * mb;
    return (2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
}

static double ssim(const Plane *a, const Plane *b)
{
    double sum = 0;
    int n = 0;
    for (int y = 0; y + WINDOW <= a->height; y += WINDOW / 2) {
        for (int x = 0; x + WINDOW <= a->width; x += WINDOW / 2, n++)
            sum += ssim_window(a, b, x, y);
    }
    return n > 0 ? sum / n : 1;
}

/* Quality of both encoders. Up to 89, both store the colours in half the resolution. A higher
 * quality hides as little as possible in rounding. */
#define QUALITY 89

static Plane read_ours(HandlerWorker *worker, int size, Format format, const char *file)
{
    WireOrder order = {.serial = 1,
                       .max_pixels = 150000000,
                       .max_file_size = INT64_C(512) << 20,
                       .max_output_size = INT64_C(64) << 20,
                       .max_pages = 200,
                       .n_renditions = 1};
    order.renditions[0] = (Rendition){.name = "r",
                                      .width = size,
                                      .height = size,
                                      .format = format,
                                      .quality = QUALITY,
                                      .background = 0xffffff,
                                      .max_frames = 1};
    autofd source = open(file, O_RDONLY | O_CLOEXEC), thumbnail = -1;
    WireResult result;
    if (source < 0 || !handler_run(worker, &order, source, g_get_tmp_dir(), &thumbnail, &result) ||
        result.error != ERROR_NONE) {
        fprintf(stderr, "quality_meter: the handler does not take '%s'\n", file);
        exit(1);
    }
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", thumbnail);
    VipsImage *image = vips_image_new_from_file(path, NULL);
    if (image == NULL)
        end_with_error(file);
    return take_plane(image, file);
}

/* Encodes to a file of that type and decodes it again. Takes ownership of `image`. */
static VipsImage *pass_through(VipsImage *image, Format format, const char *file)
{
    VipsArrayDouble *white = vips_array_double_newv(3, 255.0, 255.0, 255.0);
    void *data;
    size_t size;
    int status =
        format == FORMAT_JPEG
            ? vips_jpegsave_buffer(image, &data, &size, "Q", QUALITY, "background", white, NULL)
            : vips_webpsave_buffer(image, &data, &size, "Q", QUALITY, NULL);
    vips_area_unref(VIPS_AREA(white));
    if (status != 0)
        end_with_error(file);
    VipsImage *back = vips_image_new_from_buffer(data, size, "", NULL);
    VipsImage *copy = back != NULL ? vips_image_copy_memory(back) : NULL;
    if (copy == NULL)
        end_with_error(file);
    g_object_unref(back);
    g_free(data);
    return step(0, image, copy, file);
}

static Plane read_vips(int size, Format format, const char *file)
{
    VipsImage *image = NULL;
    if (vips_thumbnail(file, &image, size, "height", size, "size", VIPS_SIZE_DOWN, NULL) != 0)
        end_with_error(file);
    return take_plane(format == FORMAT_PNG ? image : pass_through(image, format, file), file);
}

static Plane read_whole(const char *file)
{
    VipsImage *image = vips_image_new_from_file(file, NULL), *upright = NULL;
    if (image == NULL)
        end_with_error(file);
    int status = vips_autorot(image, &upright, NULL);
    return take_plane(step(status, image, upright, file), file);
}

typedef struct {
    const char *name;
    Format format;
} Output;

static const Output outputs[] = {{"png", FORMAT_PNG}, {"jpeg", FORMAT_JPEG}, {"webp", FORMAT_WEBP}};

static void compare(HandlerWorker *worker, int size, const Output *output, const Plane *whole,
                    const char *file)
{
    g_auto(Plane) ours = read_ours(worker, size, output->format, file);
    g_auto(Plane) theirs = read_vips(size, output->format, file);
    g_auto(Plane) reference = scale_plane(whole, ours.width, ours.height);
    if (ours.width != theirs.width || ours.height != theirs.height) {
        fprintf(stderr, "quality_meter: '%s': ours has %d x %d pixels, vips_thumbnail's %d x %d\n",
                file, ours.width, ours.height, theirs.width, theirs.height);
        exit(1);
    }
    printf("%s\t%s\t%.3f\t%.5f\t%.3f\t%.5f\n", file, output->name, psnr(&ours, &reference),
           ssim(&ours, &reference), psnr(&theirs, &reference), ssim(&theirs, &reference));
}

static void measure(HandlerWorker *worker, int size, const char *file)
{
    g_auto(Plane) whole = read_whole(file);
    for (size_t i = 0; i < G_N_ELEMENTS(outputs); i++)
        compare(worker, size, &outputs[i], &whole, file);
}

static void measure_made(const Plane *whole, const char *thumbnail)
{
    VipsImage *image = vips_image_new_from_file(thumbnail, NULL);
    if (image == NULL)
        end_with_error(thumbnail);
    g_auto(Plane) theirs = take_plane(image, thumbnail);
    g_auto(Plane) reference = scale_plane(whole, theirs.width, theirs.height);
    printf("%.3f\t%.5f\n", psnr(&theirs, &reference), ssim(&theirs, &reference));
}

int main(int argc, char **argv)
{
    const ForkRequest request = {.version = FORKSERVER_VERSION,
                                 .memory_bytes = INT64_C(1) << 30,
                                 .timeout_us = 60000000,
                                 .max_output_size = INT64_C(64) << 20};
    HandlerServer server;
    HandlerWorker worker;

    if (argc < 4 || VIPS_INIT(argv[0]) != 0)
        return 2;
    /* The cache of libvips identifies files by name, and descriptors of different files have the
     * same name. */
    vips_cache_set_max(0);
    if (strcmp(argv[1], "-t") == 0) {
        g_auto(Plane) whole = read_whole(argv[2]);
        for (int i = 3; i < argc; i++)
            measure_made(&whole, argv[i]);
        return 0;
    }
    handler_server_start(&server, argv[1]);
    if (!handler_worker_start(&server, &request, &worker))
        return 1;
    for (int i = 3; i < argc; i++)
        measure(&worker, atoi(argv[2]), argv[i]);
    (void)handler_worker_stop(&worker);
    return handler_server_stop(&server);
}
