/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real models: each imports, or is refused with the expected status, and its recorded test sets
 * come out of the reference interpreter. The models lie outside the project: HMLC_ZOO names their
 * folder
 * (<HMLC_ZOO>/onnx/<name>/); without it the test counts as skipped. HMLC_BENCH names a folder of
 * benchmark graphs (<HMLC_BENCH>/<name>/model.onnx), which are imported and verified.
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_check.h"

enum { SKIPPED = 77 }; /* ctest's SKIP_RETURN_CODE */

typedef enum zoo_comparison {
    EXACT,   /* within the tolerance of tensor_tolerance_of */
    STEPS,   /* quantized graphs flip whole steps on ties: no comparison of single elements */
    NOTHING, /* refused, or too slow to run here */
} zoo_comparison;

typedef struct zoo_entry {
    const char *path;
    hmlc_status status;
    zoo_comparison comparison;
    const char *text; /* that a diagnostic must hold, or NULL */
} zoo_entry;

static const zoo_entry entries[] = {
    {"basic_pitch_nmp/nmp.onnx", HMLC_OK, NOTHING, NULL},
    {"bert_tf2onnx_joint_intent_tag/bert_tf2onnx_0.onnx", HMLC_DAMAGED, NOTHING,
     "both must be of one type"},
    {"bert_toy_optimized/bert_toy_optimized.onnx", HMLC_OK, EXACT, NULL},
    {"cnn_mnist_pytorch/cnn_mnist_pytorch.onnx", HMLC_OK, EXACT, NULL},
    {"deeplab_mnv2_dm05_513/deeplab_nchw.onnx", HMLC_OK, NOTHING, NULL},
    {"dtln_model_1/model_1.onnx", HMLC_OK, EXACT, NULL},
    {"dtln_model_2/model_2.onnx", HMLC_OK, EXACT, NULL},
    {"gpt2_past_tiny/gpt2_past.onnx", HMLC_OK, EXACT, "48 constants are defined twice"},
    {"magika_standard_v1/model.onnx", HMLC_OK, EXACT, NULL},
    {"mlperf_tiny_ic_resnet8/pretrainedResnet.onnx", HMLC_OK, EXACT, NULL},
    {"mlperf_tiny_vww_mobilenet/vww_96_float.onnx", HMLC_OK, EXACT, NULL},
    {"mnist_cntk_v1/model.onnx", HMLC_OK, EXACT, NULL},
    {"mobilenet_edgetpu_qdq_excerpt/qdq_with_multi_consumer_dq_nodes.onnx", HMLC_OK, STEPS, NULL},
    {"mobilenet_v2_qdq_int8/model.onnx", HMLC_OK, STEPS, NULL},
    {"silero_vad_v6/silero_vad.onnx", HMLC_OK, EXACT, NULL},
    {"silero_vad_v6_half/silero_vad_half.onnx", HMLC_OK, EXACT, NULL},
    {"sinet_softmax_portrait_seg/SINet_Softmax.onnx", HMLC_OK, EXACT, NULL},
    {"sklearn_treeensemble/treeensembleclassifier.onnx", HMLC_REFUSED, NOTHING, "ai.onnx.ml"},
    {"tract_byte_sb_bidi_lstm/model.onnx", HMLC_OK, EXACT, NULL},
    {"tract_deconv_group/model.onnx", HMLC_OK, EXACT, NULL},
    {"tract_lgbm_classifier_tensor/model.onnx", HMLC_OK, EXACT, NULL},
    {"ultraface_rfb320/version-RFB-320.onnx", HMLC_OK, EXACT, NULL},
    {"yolox_nano/yolox_nano.onnx", HMLC_OK, EXACT, NULL},
};

typedef struct zoo_tally {
    int passed, failed, skipped;
} zoo_tally;

static bool has_text(const checked_model *model, const char *text)
{
    const hmlc_diagnostic *diagnostic = hmlc_diagnostics_first(model->module->diagnostics);
    for (; diagnostic != NULL; diagnostic = diagnostic->next) {
        if (strstr(diagnostic->message, text) != NULL) {
            return true;
        }
    }
    return text == NULL;
}

/* Runs the model's test sets; 0 or the number that differ. */
static int run_sets(checked_model *model, const char *path, zoo_comparison comparison)
{
    int wrong = 0, run = 0;
    const char *slash = strrchr(path, '/');
    for (int i = 0; i < 8; i++) {
        char folder[1024], message[512];
        (void)snprintf(folder, sizeof folder, "%.*s/test_data_set_%d", (int)(slash - path), path,
                       i);
        check_result result =
            model_run(model, folder, comparison == STEPS ? CHECK_STEPS : CHECK_ELEMENTS, message,
                      sizeof message);
        run += result != CHECK_SKIPPED;
        if (result == CHECK_WRONG) {
            printf("  %s: %s\n", folder, message);
            model_print_diagnostics(model);
            wrong++;
        }
    }
    return run == 0 ? 1 : wrong;
}

static void check_entry(const char *zoo, const zoo_entry *entry, zoo_tally *tally)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/onnx/%s", zoo, entry->path);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        printf("skipped: %s is missing\n", path);
        tally->skipped++;
        return;
    }
    (void)fclose(file);
    checked_model model = model_open(path);
    bool good =
        model.status == entry->status && (entry->text == NULL || has_text(&model, entry->text));
    if (!good) {
        printf("FAILED %s: status %d, expected %d\n", path, (int)model.status, (int)entry->status);
        model_print_diagnostics(&model);
    }
    good = good && (entry->comparison == NOTHING || run_sets(&model, path, entry->comparison) == 0);
    tally->passed += good;
    tally->failed += !good;
    model_close(&model);
}

static void check_bench(const char *folder, zoo_tally *tally)
{
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%s/model.onnx", folder, entry->d_name);
        FILE *file = entry->d_name[0] != '.' ? fopen(path, "rb") : NULL;
        if (file == NULL) {
            continue;
        }
        (void)fclose(file);
        checked_model model = model_open(path);
        if (model.status != HMLC_OK) {
            printf("FAILED %s: status %d\n", path, (int)model.status);
            model_print_diagnostics(&model);
        }
        tally->passed += model.status == HMLC_OK;
        tally->failed += model.status != HMLC_OK;
        model_close(&model);
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
}

int main(void)
{
    const char *zoo = getenv("HMLC_ZOO"), *bench = getenv("HMLC_BENCH");
    zoo_tally tally = {0};
    for (size_t i = 0; zoo != NULL && i < sizeof entries / sizeof entries[0]; i++) {
        check_entry(zoo, &entries[i], &tally);
    }
    if (bench != NULL) {
        check_bench(bench, &tally);
    }
    if (zoo == NULL) {
        tally.skipped += (int)(sizeof entries / sizeof entries[0]);
    }
    printf("%d passed, %d failed, %d skipped\n", tally.passed, tally.failed, tally.skipped);
    return tally.failed > 0 ? 1 : tally.passed == 0 ? SKIPPED : 0;
}
