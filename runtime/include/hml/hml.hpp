/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hml.hpp: hml.h for C++17. Objects end with their scope, failures are exceptions with code and
 * message, tensors have the type of their elements. Nothing is copied but handles: inputs and
 * outputs are the caller's memory or the session's.
 *
 *     hml::model model("model.hml");
 *     hml::session session(model);
 *     session.bind_input("image", pixels.data(), {1, 3, 224, 224});
 *     session.run();
 *     for (float score : session.output<float>("scores")) { ... }
 *
 * Threads and ownership are those of hml.h: models and pools may be shared by threads, a session is
 * used by one at a time (but for stop). Header only; link libhml.
 */
#ifndef HML_HML_HPP
#define HML_HML_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <hml/hml.h>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hml {

/* What every function here throws when the library refuses. */
class error : public std::runtime_error {
  public:
    error(hml_status status, const std::string &message)
        : std::runtime_error(message.empty() ? title(status) : message), status_(status)
    {
    }
    hml_status status() const noexcept
    {
        return status_;
    }

  private:
    static std::string title(hml_status status)
    {
        const hml_status_text *text = hml_status_describe(status);
        return "HML" + std::to_string(text->number) + ": " + text->title;
    }
    hml_status status_;
};

/* Elements of 16-bit floats, as bits. */
struct f16 {
    std::uint16_t bits;
};
struct bf16 {
    std::uint16_t bits;
};

/* The element type of T; 0 for a type that no tensor has. */
template <class T> constexpr hml_dtype dtype_of()
{
    using U = std::remove_cv_t<T>;
    constexpr bool is_signed = std::is_signed_v<U>;
    if constexpr (std::is_same_v<U, bool>) {
        return HML_BOOL;
    } else if constexpr (std::is_same_v<U, f16>) {
        return HML_F16;
    } else if constexpr (std::is_same_v<U, bf16>) {
        return HML_BF16;
    } else if constexpr (std::is_same_v<U, float>) {
        return HML_F32;
    } else if constexpr (std::is_same_v<U, double>) {
        return HML_F64;
    } else if constexpr (!std::is_integral_v<U>) {
        return hml_dtype{};
    } else if constexpr (sizeof(U) == 1) {
        return is_signed ? HML_I8 : HML_U8;
    } else if constexpr (sizeof(U) == 2) {
        return is_signed ? HML_I16 : HML_U16;
    } else if constexpr (sizeof(U) == 4) {
        return is_signed ? HML_I32 : HML_U32;
    } else {
        return is_signed ? HML_I64 : HML_U64;
    }
}

/* Dense row-major elements in somebody's memory: as long-lived as that memory, copied freely. */
template <class T> class tensor {
  public:
    explicit tensor(const hml_tensor &raw) : raw_(raw)
    {
        if (raw.dtype != dtype_of<T>()) {
            const char *name = hml_dtype_name(raw.dtype);
            throw error(HML_ERROR_bad_argument,
                        std::string("the tensor holds ") + (name != nullptr ? name : "no type"));
        }
    }
    T *data() const noexcept
    {
        return static_cast<T *>(raw_.data);
    }
    std::size_t size() const noexcept
    {
        return raw_.bytes / sizeof(T);
    }
    T *begin() const noexcept
    {
        return data();
    }
    T *end() const noexcept
    {
        return data() + size();
    }
    T &operator[](std::size_t index) const noexcept
    {
        return data()[index];
    }
    std::size_t rank() const noexcept
    {
        return raw_.rank;
    }
    /* -1: known only while running. */
    std::int64_t dim(std::size_t axis) const
    {
        return shape().at(axis);
    }
    std::vector<std::int64_t> shape() const
    {
        return {raw_.dims, raw_.dims + raw_.rank};
    }

  private:
    hml_tensor raw_;
};

struct dim {
    std::string name;
    std::int64_t value;
};

struct tensor_info {
    std::string name;
    hml_dtype dtype;
    std::vector<std::string> dims; /* "batch", "224", "2*seq + 1" */
};

namespace detail {

class message {
  public:
    char *text() noexcept
    {
        return text_.data();
    }
    std::size_t bytes() const noexcept
    {
        return text_.size();
    }
    void check(hml_status status) const
    {
        if (status != HML_OK) {
            throw error(status, text_.data());
        }
    }

  private:
    std::array<char, 768> text_{};
};

inline void check(hml_status status)
{
    if (status != HML_OK) {
        throw error(status, {});
    }
}

/* A structure of hml.h that knows its size. */
template <class T> T sized()
{
    T made{};
    made.struct_bytes = sizeof(T);
    return made;
}

} /* namespace detail */

/* A loaded artifact. Copies share it: the last one frees it. */
class model {
  public:
    /* `variant` "": HML_VARIANT of the environment, else the best one. */
    explicit model(const std::string &path, const std::string &variant = {},
                   std::uint32_t flags = 0)
    {
        detail::message message;
        hml_open_options options = open_options(message, variant, flags);
        message.check(hml_model_open(path.c_str(), &options, &handle_));
    }
    /* The caller keeps the memory, unchanged, until the model is gone. */
    model(const void *data, std::size_t bytes, const std::string &variant = {},
          std::uint32_t flags = 0)
    {
        detail::message message;
        hml_open_options options = open_options(message, variant, flags);
        message.check(hml_model_open_memory(data, bytes, &options, &handle_));
    }
    explicit model(const hml_file_part &part, const std::string &variant = {},
                   std::uint32_t flags = 0)
    {
        detail::message message;
        hml_open_options options = open_options(message, variant, flags);
        options.part = &part;
        message.check(hml_model_open(nullptr, &options, &handle_));
    }
    model(const model &other) noexcept : handle_(hml_model_retain(other.handle_))
    {
    }
    model(model &&other) noexcept : handle_(std::exchange(other.handle_, nullptr))
    {
    }
    model &operator=(model other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~model()
    {
        hml_model_release(handle_);
    }

    hml_model *get() const noexcept
    {
        return handle_;
    }
    hml_model_info info() const
    {
        auto found = detail::sized<hml_model_info>();
        detail::check(hml_model_describe(handle_, &found));
        return found;
    }
    std::vector<tensor_info> inputs() const
    {
        return tensors(hml_model_input, info().input_count);
    }
    std::vector<tensor_info> outputs() const
    {
        return tensors(hml_model_output, info().output_count);
    }
    std::uint32_t input(const std::string &name) const
    {
        return find(hml_model_find_input, name);
    }
    std::uint32_t output(const std::string &name) const
    {
        return find(hml_model_find_output, name);
    }

  private:
    using describe = hml_status (*)(const hml_model *, std::uint32_t, hml_tensor_info *);
    using search = hml_status (*)(const hml_model *, const char *, std::uint32_t *);

    static hml_open_options open_options(detail::message &message, const std::string &variant,
                                         std::uint32_t flags)
    {
        auto options = detail::sized<hml_open_options>();
        options.flags = flags;
        options.variant = variant.empty() ? nullptr : variant.c_str();
        options.message = message.text();
        options.message_bytes = message.bytes();
        return options;
    }
    std::vector<tensor_info> tensors(describe query, std::uint32_t count) const
    {
        std::vector<tensor_info> found;
        for (std::uint32_t i = 0; i < count; i++) {
            auto info = detail::sized<hml_tensor_info>();
            detail::check(query(handle_, i, &info));
            found.push_back({info.name, info.dtype, {info.dim_texts, info.dim_texts + info.rank}});
        }
        return found;
    }
    std::uint32_t find(search query, const std::string &name) const
    {
        std::uint32_t index = 0;
        hml_status status = query(handle_, name.c_str(), &index);
        if (status != HML_OK) {
            throw error(status, error(status, {}).what() + (": '" + name + "'"));
        }
        return index;
    }
    hml_model *handle_ = nullptr;
};

/* Threads that sessions share. It may end before them: they keep it. */
class pool {
  public:
    /* With the calling one; 0: as many as the process may use. */
    explicit pool(std::uint32_t threads = 0)
    {
        auto options = detail::sized<hml_pool_options>();
        options.threads = threads;
        detail::check(hml_pool_create(&options, &handle_));
    }
    pool(const pool &) = delete;
    pool(pool &&other) noexcept : handle_(std::exchange(other.handle_, nullptr))
    {
    }
    pool &operator=(pool other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~pool()
    {
        hml_pool_release(handle_);
    }
    hml_pool *get() const noexcept
    {
        return handle_;
    }

  private:
    hml_pool *handle_ = nullptr;
};

/* See hml_session_options. */
struct session_options {
    std::vector<dim> dims;
    bool fixed = false;
    std::uint64_t memory_limit = 0;
};

/* One run at a time of a model, which it keeps alive. */
class session {
  public:
    using shape = std::vector<std::int64_t>;

    explicit session(const model &of, const session_options &options = {}) : model_(of)
    {
        create(nullptr, options);
    }
    session(const model &of, const pool &threads, const session_options &options = {}) : model_(of)
    {
        create(threads.get(), options);
    }
    session(const session &) = delete;
    session(session &&other) noexcept
        : model_(other.model_), handle_(std::exchange(other.handle_, nullptr))
    {
    }
    session &operator=(session other) noexcept
    {
        std::swap(model_, other.model_);
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~session()
    {
        hml_session_destroy(handle_);
    }
    hml_session *get() const noexcept
    {
        return handle_;
    }

    /* Runs read `data`, which the caller keeps, until the input is bound again. */
    template <class T> void bind_input(std::uint32_t index, const T *data, const shape &dims)
    {
        static_assert(dtype_of<T>() != hml_dtype{}, "no element type of tensors");
        if (dims.size() > HML_MAX_TENSOR_RANK) {
            throw error(HML_ERROR_input_rank, {});
        }
        hml_tensor tensor{};
        tensor.data = const_cast<std::remove_cv_t<T> *>(data);
        tensor.bytes = bytes_of<T>(dims);
        tensor.dtype = dtype_of<T>();
        tensor.rank = static_cast<std::uint32_t>(dims.size());
        for (std::size_t axis = 0; axis < dims.size(); axis++) {
            tensor.dims[axis] = dims[axis];
        }
        check(hml_bind_input(handle_, index, &tensor));
    }
    template <class T> void bind_input(const std::string &name, const T *data, const shape &dims)
    {
        bind_input(model_.input(name), data, dims);
    }

    /* Runs write there, up to `count` elements, which are of the output's type. */
    template <class T> void bind_output(std::uint32_t index, T *data, std::size_t count)
    {
        auto info = detail::sized<hml_tensor_info>();
        detail::check(hml_model_output(model_.get(), index, &info));
        if (info.dtype != dtype_of<T>()) {
            throw error(HML_ERROR_bad_argument, std::string("the output '") + info.name + "' is " +
                                                    hml_dtype_name(info.dtype));
        }
        check(hml_bind_output(handle_, index, data, count * sizeof(T)));
    }
    template <class T> void bind_output(const std::string &name, T *data, std::size_t count)
    {
        bind_output(model_.output(name), data, count);
    }

    void prepare()
    {
        check(hml_session_prepare(handle_));
    }
    void run()
    {
        check(hml_run(handle_));
    }
    /* Any thread: the run in progress or the next one ends, at once or when the time is over. */
    void stop(std::chrono::nanoseconds after = {})
    {
        detail::check(hml_session_stop(
            handle_, after.count() > 0 ? static_cast<std::uint64_t>(after.count()) : 0));
    }

    /* Valid until the session is bound, prepared or run again. */
    template <class T> tensor<const T> output(std::uint32_t index) const
    {
        hml_tensor found{};
        detail::check(hml_session_output(handle_, index, &found));
        return tensor<const T>(found);
    }
    template <class T> tensor<const T> output(const std::string &name) const
    {
        return output<T>(model_.output(name));
    }

  private:
    void create(hml_pool *threads, const session_options &options)
    {
        std::vector<hml_dim> dims;
        for (const dim &given : options.dims) {
            dims.push_back({given.name.c_str(), given.value});
        }
        detail::message message;
        auto raw = detail::sized<hml_session_options>();
        raw.pool = threads;
        raw.dims = dims.empty() ? nullptr : dims.data();
        raw.dim_count = static_cast<std::uint32_t>(dims.size());
        raw.fixed = options.fixed ? 1 : 0;
        raw.memory_limit = options.memory_limit;
        raw.message = message.text();
        raw.message_bytes = message.bytes();
        message.check(hml_session_create(model_.get(), &raw, &handle_));
    }
    void check(hml_status status) const
    {
        if (status != HML_OK) {
            throw error(status, hml_session_error(handle_));
        }
    }
    /* What the shape needs; a shape that is none counts as nothing, and the library refuses it. */
    template <class T> static std::size_t bytes_of(const shape &dims)
    {
        std::size_t bytes = sizeof(T);
        for (std::int64_t extent : dims) {
            bool fits = extent >= 0 &&
                        (extent == 0 || bytes <= SIZE_MAX / static_cast<std::uint64_t>(extent));
            bytes = fits ? bytes * static_cast<std::size_t>(extent) : 0;
        }
        return bytes;
    }

    model model_;
    hml_session *handle_ = nullptr;
};

} /* namespace hml */

#endif
