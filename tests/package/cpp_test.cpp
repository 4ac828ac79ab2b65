/* SPDX-License-Identifier: Apache-2.0 */
// hml.hpp as a C++17 program sees it: cpp_test ARTIFACT INPUT.pb, the artifact of models/digits.
#include <hml/hml.hpp>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

static int failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            std::printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                    \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

// The status and text that a call throws.
template <class Call> static std::pair<hml_status, std::string> thrown(Call call)
{
    try {
        call();
    } catch (const hml::error &error) {
        return {error.status(), error.what()};
    }
    return {HML_OK, ""};
}

static void models_are_described(const hml::model &model)
{
    auto inputs = model.inputs();
    CHECK(inputs.size() == 1 && inputs[0].dtype == HML_F32 && inputs[0].dims.size() == 4);
    CHECK(model.outputs().size() == 1);
    CHECK(model.input(inputs[0].name) == 0);
    auto unknown = thrown([&] { model.output("none"); });
    CHECK(unknown.first == HML_ERROR_name_unknown);
    CHECK(unknown.second.find("'none'") != std::string::npos);
    auto absent = thrown([] { hml::model("/nonexistent.hml"); });
    CHECK(absent.first == HML_ERROR_file_unreadable);
    CHECK(absent.second.find("/nonexistent.hml") != std::string::npos);
}

static std::vector<float> run(const hml::model &model, const std::vector<float> &pixels,
                              std::int64_t batch)
{
    hml::session session(model);
    session.bind_input(0, pixels.data(), {batch, 1, 28, 28});
    session.run();
    auto scores = session.output<float>(model.outputs()[0].name);
    CHECK(scores.rank() == 2 && scores.dim(0) == batch && scores.dim(1) == 10);
    CHECK(scores.size() == static_cast<std::size_t>(batch) * 10);
    CHECK(thrown([&] { session.output<double>(0); }).first == HML_ERROR_bad_argument);
    return {scores.begin(), scores.end()};
}

static void runs_agree(const hml::model &model, const std::vector<float> &pixels)
{
    std::vector<float> expected = run(model, pixels, 2), bound(expected.size());
    hml::model copy = model, moved = std::move(copy);
    hml::pool pool(2);
    hml::session session(moved, pool, {{{model.inputs()[0].dims[0], 4}}, false, 0});
    hml::session other = std::move(session);
    other.bind_input(model.inputs()[0].name, pixels.data(), {2, 1, 28, 28});
    other.bind_output(0, bound.data(), bound.size());
    other.run();
    CHECK(bound == expected);
    CHECK(other.output<float>(0).data() == bound.data());
}

static void failures_are_thrown(const hml::model &model, const std::vector<float> &pixels)
{
    hml::session session(model);
    CHECK(thrown([&] { session.run(); }).first == HML_ERROR_input_missing);
    auto layout = thrown([&] {
        session.bind_input(0, pixels.data(), {2, 28, 28, 1});
        session.run();
    });
    CHECK(layout.first == HML_ERROR_input_dim);
    CHECK(layout.second.find("NHWC data for a model that takes NCHW") != std::string::npos);
    std::vector<double> wrong(784);
    CHECK(thrown([&] { session.bind_input(0, wrong.data(), {1, 1, 28, 28}); }).first ==
          HML_ERROR_input_type);
    auto output = thrown([&] { session.bind_output(0, wrong.data(), wrong.size()); });
    CHECK(output.first == HML_ERROR_bad_argument && output.second.find("f32") != std::string::npos);
    CHECK(thrown([&] { hml::session(model, {{{"none", 4}}, false, 0}); }).second.find("'none'") !=
          std::string::npos);
    session.bind_input(0, pixels.data(), {1, 1, 28, 28});
    std::thread([&] { session.stop(); }).join();
    CHECK(thrown([&] { session.run(); }).first == HML_ERROR_stopped);
    session.stop(std::chrono::hours(1));
    session.run();
}

static void memory_is_opened(const char *path)
{
    std::ifstream file(path, std::ios::binary);
    std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    hml::model model(bytes.data(), bytes.size(), {}, HML_OPEN_NO_ENVIRONMENT);
    CHECK(model.info().file_bytes == bytes.size());
    bytes[100] = static_cast<char>(bytes[100] ^ 1);
    CHECK(thrown([&] { hml::model(bytes.data(), bytes.size()); }).first != HML_OK);
}

int main(int, char **argv)
{
    static_assert(hml::dtype_of<const float>() == HML_F32);
    static_assert(hml::dtype_of<long long>() == HML_I64);
    static_assert(hml::dtype_of<std::uint8_t>() == HML_U8);
    static_assert(hml::dtype_of<hml::bf16>() == HML_BF16);
    hml::model model(argv[1]);
    std::vector<float> pixels(2 * 784);
    for (std::size_t i = 0; i < pixels.size(); i++) {
        pixels[i] = static_cast<float>(i % 17) / 16;
    }
    models_are_described(model);
    runs_agree(model, pixels);
    failures_are_thrown(model, pixels);
    memory_is_opened(argv[1]);
    std::printf(failures == 0 ? "all hold\n" : "%d failed\n", failures);
    return failures == 0 ? 0 : 1;
}
