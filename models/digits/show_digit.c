/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows a picture of a digit and what a compiled model says of it: `show_digit digits.hml
 * digit_7.pgm`. The whole use of the runtime is in classify().
 */
#include <hml/hml.h>
#include <stdio.h>

enum { SIZE = 28, CLASSES = 10 };

/* Reads a binary PGM of 28x28 with 255 levels. */
static int read_picture(const char *path, float pixels[SIZE * SIZE])
{
    unsigned char bytes[SIZE * SIZE];
    int width = 0, height = 0, levels = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        return 0;
    }
    /* NOLINTNEXTLINE(cert-err34-c): numbers out of range are no 28 */
    int fields = fscanf(file, "P5 %d %d %d", &width, &height, &levels);
    int good = fields == 3 && fgetc(file) != EOF && width == SIZE && height == SIZE &&
               levels == 255 && fread(bytes, 1, sizeof bytes, file) == sizeof bytes;
    fclose(file);
    for (int k = 0; good && k < SIZE * SIZE; k++) {
        pixels[k] = (float)bytes[k] / 255.0f;
    }
    if (!good) {
        fprintf(stderr, "%s is no 28x28 PGM picture\n", path);
    }
    return good;
}

static void show_picture(const float pixels[SIZE * SIZE])
{
    static const char shades[] = " .:-=+*#%@";
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            int shade = (int)(pixels[y * SIZE + x] * 9.0f + 0.5f);
            printf("%c%c", shades[shade], shades[shade]);
        }
        printf("\n");
    }
}

/* One run of the model: picture in, ten probabilities out. */
static hml_status classify(hml_session *session, float *pixels, float *probabilities)
{
    hml_tensor picture = {.data = pixels,
                          .bytes = SIZE * SIZE * sizeof *pixels,
                          .dtype = HML_F32,
                          .rank = 4,
                          .dims = {1, 1, SIZE, SIZE}};
    hml_status status = hml_bind_input(session, 0, &picture);
    if (status == HML_OK) {
        status = hml_bind_output(session, 0, probabilities, CLASSES * sizeof *probabilities);
    }
    return status == HML_OK ? hml_run(session) : status;
}

static int show(hml_session *session, const char *path)
{
    float pixels[SIZE * SIZE], probabilities[CLASSES];
    if (!read_picture(path, pixels)) {
        return 2;
    }
    hml_status status = classify(session, pixels, probabilities);
    if (status != HML_OK) {
        fprintf(stderr, "HML%04u: %s\n", (unsigned)status, hml_session_error(session));
        return 1;
    }
    int best = 0;
    for (int k = 1; k < CLASSES; k++) {
        best = probabilities[k] > probabilities[best] ? k : best;
    }
    show_picture(pixels);
    printf("%s is a %d (probability %.4f)\n", path, best, (double)probabilities[best]);
    return 0;
}

int main(int argc, char **argv)
{
    char message[512] = "";
    hml_open_options options = {
        .struct_bytes = sizeof options, .message = message, .message_bytes = sizeof message};
    hml_model *model = NULL;
    hml_session *session = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: show_digit MODEL.hml PICTURE.pgm\n");
        return 2;
    }
    hml_status status = hml_model_open(argv[1], &options, &model);
    if (status == HML_OK) {
        status = hml_session_create(model, NULL, &session);
    }
    if (status != HML_OK) {
        fprintf(stderr, "HML%04u: %s\n", (unsigned)status, message);
    }
    int exit_status = status == HML_OK ? show(session, argv[2]) : 1;
    hml_session_destroy(session);
    hml_model_release(model);
    return exit_status;
}
