#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Keras models and frozen TensorFlow graphs of the zoo against their recorded outputs. usage: framework_zoo_test.sh HMLC ZOO
# Graphs with an audio front end take WAV files, and are fed behind it, at Mfcc, with the data sets made for that.
set -u
hmlc=$1 zoo=$2 failed=0
[ -d "$zoo/keras" ] || { echo "skipped: no $zoo/keras"; exit 77; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

# run MODEL SETS OPTION...: compiles for this machine, runs each data set.
run() {
    local model=$1 sets=$2 set
    shift 2
    "$hmlc" compile "$model" -o "$place/model.hml" --target native "$@" >"$place/log" 2>&1 ||
        { cat "$place/log"; echo "FAILED: $model"; failed=1; return; }
    for set in $sets; do
        "$hmlc" run "$place/model.hml" --test-data "$(dirname "$model")/test_data_set_$set" >"$place/log" 2>&1 && echo "passed: $model $set" ||
            { cat "$place/log"; echo "FAILED: $model $set"; failed=1; }
    done
}

"$hmlc" test "$zoo"/keras/* "$zoo/tf-frozen/tf2onnx_ae0" "$zoo/tf-savedmodel/mlperf_tiny_kws_dscnn" \
    "$zoo/tf-savedmodel/tract_keras_my_model" || failed=1
"$hmlc" test "$zoo/tf-frozen/tf2onnx_gru" --inputs "X=batch,28,28,keep_prob=" || failed=1
for name in DNN_S DS_CNN_S LSTM_S; do
    run "$zoo/tf-frozen/mlkws_$name/$name.pb" "0 1"
done
run "$zoo/tf-frozen/mlkws_DNN_S/DNN_S.pb" "2 3" --inputs Mfcc=1,25,10
run "$zoo/tf-frozen/mlkws_DS_CNN_S/DS_CNN_S.pb" "2 3" --inputs Mfcc=1,49,10
run "$zoo/tf-frozen/mlkws_LSTM_S/LSTM_S.pb" "2 3" --inputs Mfcc=1,25,10
# Of a rank that the model leaves open.
run "$zoo/tf-savedmodel/tf2onnx_regression/saved_model" 0 --inputs X=
run "$zoo/tf-savedmodel/tf2onnx_regression/saved_model" 1 --inputs X=?
exit $failed
