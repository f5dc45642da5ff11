/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
/* For RTLD_NEXT. */
#define _GNU_SOURCE
#endif
#include "formats/codec_budget.h"

#include "base/error.h"
#include "formats/coded_av1.h"
#include "formats/coded_hevc.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

/* Source: libde265's de265.h, dav1d's dav1d.h and data.h, libaom's aom_decoder.h. */
#define DE265_ERROR_OUT_OF_MEMORY 7
#define AOM_CODEC_MEM_ERROR       2

/* The beginning of Dav1dData. */
typedef struct {
    const uint8_t *data;
    size_t size;
} Dav1dBytes;

typedef void *(*NewDecoder)(void);
typedef int (*PushNal)(void *decoder, const void *data, int size, int64_t pts, void *user);
typedef int (*SendData)(void *decoder, Dav1dBytes *data);
typedef int (*DecodeAom)(void *decoder, const uint8_t *data, size_t size, void *user);

static NewDecoder new_decoder;
static PushNal push_nal;
static SendData send_data;
static DecodeAom decode_aom;

/*
 * The header of a slice says where the slice begins, and only its coded bits say where it ends. So
 * each slice is charged as if it covered the rest of the picture: 32 slices of equal size add up to
 * two pictures. A copy of a slice over a flat picture, the cheapest in bytes, takes a 15th of the
 * time that the whole picture takes from file to thumbnail.
 */
#define SLICE_SHARE 8

/* A smaller picture is charged as many pixels, as it costs no less. */
#define PICTURE_PIXELS_MIN (64 * 64)

static _Atomic int64_t left_pixels, picture_pixels_max;
/* Pixels in the largest header of the file so far. */
static _Atomic int64_t header_pixels;
/* NULL: nothing was refused. */
static const char *_Atomic refusal;

static const char too_much[] = "the pictures in the file are larger or more than it says";
static const char again[] = "the slices of a picture in the file lie over one another";

/* The stream of the HEVC decoder; each thread has one decoder at a time. */
static _Thread_local HevcStream hevc;

/* Stores the address of the next function of this name, the library's own, in `function`. */
static void find(const char *name, void *function, size_t size)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, (const void *)&found, size);
}

void codec_budget_start(void)
{
    find("de265_new_decoder", &new_decoder, sizeof new_decoder);
    find("de265_push_NAL", &push_nal, sizeof push_nal);
    find("dav1d_send_data", &send_data, sizeof send_data);
    find("aom_codec_decode", &decode_aom, sizeof decode_aom);
}

void codec_budget_set(int64_t shown_pixels, int64_t largest_pixels)
{
    left_pixels = shown_pixels * CODEC_PIXELS_FACTOR + CODEC_PIXELS_MORE;
    picture_pixels_max = largest_pixels * CODEC_PICTURE_FACTOR + CODEC_PICTURE_MORE;
    header_pixels = PICTURE_PIXELS_MIN;
    refusal = NULL;
}

bool codec_budget_is_spent(GError **error)
{
    const char *message = refusal;
    if (message == NULL)
        return false;
    g_set_error_literal(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS, message);
    return true;
}

/* Remembers why the coded bytes are refused. Returns false. */
static bool refuse(const char *message)
{
    refusal = message;
    return false;
}

/*
 * Takes the pixels of a coded piece off the budget of the file. False if the budget is spent, or if
 * the piece is refused.
 */
static bool charge(Coded coded)
{
    int64_t largest = header_pixels;
    switch (coded.kind) {
    case CODED_HEADER:
        while (coded.pixels > largest &&
               !atomic_compare_exchange_weak(&header_pixels, &largest, coded.pixels))
            ;
        return coded.pixels <= picture_pixels_max || refuse(too_much);
    case CODED_PICTURE:
        /* The picture is smaller than the header says, or larger. */
        if (coded.pixels > 0)
            largest = MAX(coded.pixels, PICTURE_PIXELS_MIN);
        return atomic_fetch_sub(&left_pixels, largest) >= largest || refuse(too_much);
    case CODED_SLICE:
        largest = largest / SLICE_SHARE * coded.part / CODED_WHOLE;
        return atomic_fetch_sub(&left_pixels, largest) >= largest || refuse(too_much);
    case CODED_AGAIN:
        return refuse(again);
    case CODED_UNCLEAR:
        return refuse(too_much);
    case CODED_OTHER:
        break;
    }
    return true;
}

/*
 * Charges all OBUs of `data`. The thread that sent the first bytes also sends the rest, if a
 * decoder cannot take all of them at once: the sequence header of the earlier bytes holds. A
 * decoder without a sequence header decodes nothing.
 */
static bool charge_av1(const uint8_t *data, size_t size)
{
    static _Thread_local Av1Sequence sequence;

    while (size > 0) {
        size_t taken;
        if (!charge(coded_av1(data, size, &sequence, &taken)))
            return false;
        data += taken;
        size -= taken;
    }
    return true;
}

/*
 * These functions take the place of the decoders' own, as the symbols of a program come before
 * those of its libraries. CMakeLists.txt has them exported.
 */
void *de265_new_decoder(void);
int de265_push_NAL(void *decoder, const void *data, int size, int64_t pts, void *user);
int dav1d_send_data(void *decoder, Dav1dBytes *data);
int aom_codec_decode(void *decoder, const uint8_t *data, size_t size, void *user);

void *de265_new_decoder(void)
{
    memset(&hevc, 0, sizeof hevc);
    return new_decoder != NULL ? new_decoder() : NULL;
}

int de265_push_NAL(void *decoder, const void *data, int size, int64_t pts, void *user)
{
    if (push_nal == NULL || size < 0 || !charge(coded_hevc(data, (size_t)size, &hevc)))
        return DE265_ERROR_OUT_OF_MEMORY;
    return push_nal(decoder, data, size, pts, user);
}

int dav1d_send_data(void *decoder, Dav1dBytes *data)
{
    if (send_data == NULL || !charge_av1(data->data, data->size))
        return -ENOMEM;
    return send_data(decoder, data);
}

int aom_codec_decode(void *decoder, const uint8_t *data, size_t size, void *user)
{
    if (decode_aom == NULL || (data != NULL && !charge_av1(data, size)))
        return AOM_CODEC_MEM_ERROR;
    return decode_aom(decoder, data, size, user);
}
