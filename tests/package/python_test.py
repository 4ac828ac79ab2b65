#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python package: arrays in and out, no copies, words of failures. usage: python_test.py DIGITS_ARTIFACT DIGITS_FOLDER"""
import sys
import threading
import unittest

import hml
import numpy as np

ARTIFACT, FOLDER = sys.argv[1], sys.argv[2]


def picture(digit):
    with open(f"{FOLDER}/digit_{digit}.pgm", "rb") as file:
        return (np.frombuffer(file.read()[-784:], np.uint8) / 255).astype(np.float32).reshape(1, 1, 28, 28)


class PackageTest(unittest.TestCase):
    def setUp(self):
        self.session = hml.Session(ARTIFACT)

    def test_digits_are_told(self):
        for digit in range(10):
            self.assertEqual(int(self.session(picture(digit)).argmax()), digit)

    def test_any_batch_and_the_same_bits_on_two_threads(self):
        batch = np.concatenate([picture(digit) for digit in range(10)])
        scores = self.session(batch)
        self.assertEqual(scores.shape, (10, 10))
        self.assertTrue(np.array_equal(hml.Session(ARTIFACT, threads=2)(batch), scores))
        self.assertTrue(np.array_equal(self.session(batch[:3]), scores[:3]))
        self.assertEqual(self.session(batch[:0]).shape, (0, 10))

    def test_inputs_and_outputs_are_described(self):
        self.assertEqual(self.session.inputs[0], ("image", np.dtype("float32"), ("batch", 1, 28, 28)))
        self.assertEqual(self.session.run({"image": picture(4)}).keys(), {self.session.outputs[0].name})

    def test_inputs_are_read_where_they_are(self):
        image = picture(3)
        self.session(image)
        self.assertTrue(np.shares_memory(self.session._bound[0], image))

    def test_results_stay_when_the_session_runs_again(self):
        first = self.session(picture(1))
        kept = first.copy()
        self.session(picture(2))
        self.assertTrue(np.array_equal(first, kept))

    def test_arrays_that_are_not_dense_and_lists(self):
        image = picture(5)
        wide = np.zeros((1, 1, 28, 56), np.float32)
        wide[..., ::2] = image
        self.assertTrue(np.array_equal(self.session(wide[..., ::2]), self.session(image)))
        self.assertTrue(np.array_equal(self.session(image.tolist()), self.session(image)))

    def test_arrays_that_are_not_aligned(self):
        image = picture(5)
        odd = np.frombuffer(b"x" + image.tobytes(), np.uint8)[1:].view(np.float32).reshape(image.shape)
        self.assertTrue(np.array_equal(self.session(odd), self.session(image)))

    def test_numbers_without_a_type_are_not_changed(self):
        def typed(value, dtype):
            return hml._typed(value, hml.TensorInfo("x", np.dtype(dtype), ()))

        for value, dtype in (([1, 2.0], "int64"), ([0, 255], "uint8"), ([True, False], "bool"), ([], "int32"), (7, "int8"),
                             ([1.5, float("inf")], "float16"), ([1, 2], "float32")):
            self.assertEqual(typed(value, dtype).dtype, dtype)
            self.assertEqual(typed(value, dtype).tolist(), value)
        for value, dtype in (([1.5], "int64"), ([300], "uint8"), ([-1], "uint64"), ([2], "bool"), ([float("nan")], "int32"),
                             ([1e6], "float16"), (["a"], "float32"), ([1.0], "V2"), ([2**70], "int64")):
            with self.assertRaises(TypeError):
                typed(value, dtype)

    def test_bytes_and_shared_models(self):
        with open(ARTIFACT, "rb") as file:
            model = hml.Model(file.read())
        sessions = [hml.Session(model) for _ in range(4)]
        results = [None] * 4

        def work(k):
            results[k] = [sessions[k](picture(digit)) for digit in range(10)]

        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for other in results[1:]:
            self.assertTrue(np.array_equal(results[0], other))

    def assert_refused(self, code, words, *arguments, **named):
        with self.assertRaises(hml.Error) as caught:
            self.session(*arguments, **named)
        self.assertEqual(caught.exception.code, code)
        self.assertIn(words, str(caught.exception))
        self.session(picture(0))  # usable again

    def test_wrong_inputs_are_refused_in_words(self):
        self.assert_refused(1042, "f64", picture(0).astype(np.float64))
        self.assert_refused(1044, "NHWC", picture(0).transpose(0, 2, 3, 1))
        for wrong, words in (((), {"imge": picture(0)}), ((picture(0),), {"image": picture(0)})):
            with self.assertRaises(TypeError):
                self.session(*wrong, **words)
        with self.assertRaises(TypeError):
            self.session()  # the picture of the call before is not used again
        with self.assertRaises(TypeError):
            self.session(np.array(["text"]))
        with self.assertRaises(TypeError):
            self.session(picture(0), picture(0))

    def test_artifacts_that_do_not_open(self):
        for source, code in (("/nonexistent.hml", 1001), (b"no artifact at all", 1002)):
            with self.assertRaises(hml.Error) as caught:
                hml.Session(source)
            self.assertEqual(caught.exception.code, code)
        with self.assertRaises(hml.Error):
            hml.Session(ARTIFACT, variant="z80")

    def test_runs_are_stopped(self):
        for seconds in (0, -1, 1e-12):
            self.session.stop(seconds)
            self.assert_refused(1065, "", picture(0))
        self.session.stop(1e30)
        self.session(picture(0))


if __name__ == "__main__":
    result = unittest.main(argv=sys.argv[:1], exit=False).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
