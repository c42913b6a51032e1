/* Views of a batch that copy nothing. */
#include <string.h>

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

#include "internal.h"

loglift_text loglift_text_of(const char *string) {
    return (loglift_text){string, strlen(string)};
}

bool loglift_text_equal(loglift_text one, loglift_text other) {
    return one.len == other.len && (one.len == 0 || memcmp(one.data, other.data, one.len) == 0);
}

/* As memchr, which wasi-libc does four bytes at a time. */
static const char *find_byte(const char *data, size_t len, char byte) {
#ifdef __wasm_simd128__
    const v128_t wanted = wasm_i8x16_splat(byte);
    for (; len >= 16; data += 16, len -= 16) {
        uint32_t found = wasm_i8x16_bitmask(wasm_i8x16_eq(wasm_v128_load(data), wanted));
        if (found != 0) {
            return data + __builtin_ctz(found);
        }
    }
    for (; len > 0; data++, len--) {
        if (*data == byte) {
            return data;
        }
    }
    return NULL;
#else
    return len == 0 ? NULL : memchr(data, byte, len);
#endif
}

size_t loglift_text_find(loglift_text text, loglift_text part) {
    if (part.len == 0) {
        return 0;
    }
    for (size_t at = 0; part.len <= text.len - at;) {
        const char *found = find_byte(text.data + at, text.len - at - (part.len - 1), part.data[0]);
        if (found == NULL) {
            break;
        }
        at = (size_t)(found - text.data);
        if (part.len == 1 || memcmp(found, part.data, part.len) == 0) {
            return at;
        }
        at += 1;
    }
    return SIZE_MAX;
}

loglift_text loglift_text_first(loglift_text text, size_t len) {
    return (loglift_text){text.data, len < text.len ? len : text.len};
}

loglift_text loglift_text_after(loglift_text text, size_t len) {
    len = len < text.len ? len : text.len;
    return (loglift_text){text.data + len, text.len - len};
}

loglift_text loglift_excerpt(loglift_text value) {
    const size_t most = 256;
    static const char ellipsis[] = "...";
    if (value.len <= most) {
        return value;
    }
    /* Not in the middle of a character: those bytes of UTF-8 begin with the bits 10. */
    size_t len = most;
    while (len > most - 4 && ((unsigned char)value.data[len] & 0xc0) == 0x80) {
        len -= 1;
    }
    char *cut = loglift_alloc(len + sizeof ellipsis - 1);
    memcpy(cut, value.data, len);
    memcpy(cut + len, ellipsis, sizeof ellipsis - 1);
    return (loglift_text){cut, len + sizeof ellipsis - 1};
}

static loglift_text range(const loglift_batch *batch, loglift_spans spans, size_t index) {
    return (loglift_text){batch->arena.data + spans.data[2 * index], spans.data[2 * index + 1]};
}

size_t loglift_batch_len(const loglift_batch *batch) {
    return batch->seconds.len;
}

bool loglift_event_next(loglift_event *event) {
    event->index += 1; /* the first time from UINT32_MAX to 0 */
    if (event->index >= event->batch->field_counts.len) {
        return false;
    }
    event->first_field += event->field_count;
    event->field_count = event->batch->field_counts.data[event->index];
    return true;
}

loglift_key loglift_batch_key(const loglift_batch *batch, loglift_text name) {
    for (loglift_key key = 0; key < batch->names.len / 2; key++) {
        if (loglift_text_equal(range(batch, batch->names, key), name)) {
            return key;
        }
    }
    return LOGLIFT_NO_KEY;
}

loglift_text loglift_batch_name(const loglift_batch *batch, loglift_key key) {
    return range(batch, batch->names, key);
}

bool loglift_batch_tag(const loglift_batch *batch, loglift_text name, loglift_text *value) {
    for (size_t index = 0; index < batch->tag_names.len / 2; index++) {
        if (loglift_text_equal(range(batch, batch->tag_names, index), name)) {
            *value = range(batch, batch->tag_values, index);
            return true;
        }
    }
    return false;
}

bool loglift_event_value(const loglift_event *event, loglift_key key, loglift_text *value) {
    const loglift_batch *batch = event->batch;
    for (uint32_t field = event->first_field; field < event->first_field + event->field_count; field++) {
        if (batch->keys.data[field] == key) {
            *value = range(batch, batch->values, field);
            return true;
        }
    }
    return false;
}

loglift_text loglift_event_field(const loglift_event *event, uint32_t place, loglift_key *key) {
    uint32_t field = event->first_field + place;
    *key = event->batch->keys.data[field];
    return range(event->batch, event->batch->values, field);
}

int64_t loglift_event_time(const loglift_event *event, uint32_t *nanoseconds) {
    *nanoseconds = event->batch->nanoseconds.data[event->index];
    return event->batch->seconds.data[event->index];
}
