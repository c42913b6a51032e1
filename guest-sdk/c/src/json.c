/* A reader of JSON (RFC 8259), for configurations: what it returns stays for good. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Deeper than any configuration. */
enum { MAX_DEPTH = 64 };

typedef struct reader {
    const char *at;
    const char *end;
    int depth;
} reader;

static const char *const not_json = "the configuration is not JSON";

static bool read_value(reader *reader, json *value);

static void *grown(void *old, size_t len, size_t size) {
    /* Powers of two are when it is full. */
    if ((len & (len - 1)) != 0) {
        return old;
    }
    void *new = realloc(old, (len == 0 ? 1 : 2 * len) * size);
    if (new == NULL) {
        abort();
    }
    return new;
}

static void skip_space(reader *reader) {
    while (reader->at < reader->end && memchr(" \t\r\n", *reader->at, 4) != NULL) {
        reader->at += 1;
    }
}

static bool take(reader *reader, char byte) {
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != byte) {
        return false;
    }
    reader->at += 1;
    return true;
}

static bool take_word(reader *reader, const char *word) {
    size_t len = strlen(word);
    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0) {
        return false;
    }
    reader->at += len;
    return true;
}

static bool read_hex(reader *reader, uint32_t *number) {
    *number = 0;
    for (int digits = 0; digits < 4; digits++) {
        if (reader->at == reader->end) {
            return false;
        }
        char byte = *reader->at++;
        uint32_t lower = (uint32_t)(byte | 0x20);
        bool is_digit = byte >= '0' && byte <= '9';
        if (!is_digit && (lower < 'a' || lower > 'f')) {
            return false;
        }
        *number = *number * 16 + (is_digit ? (uint32_t)(byte - '0') : lower - 'a' + 10);
    }
    return true;
}

/* Writes a character as UTF-8, and returns what comes after it. */
static char *write_utf8(char *to, uint32_t character) {
    if (character < 0x80) {
        *to++ = (char)character;
    } else if (character < 0x800) {
        *to++ = (char)(0xc0 | character >> 6);
        *to++ = (char)(0x80 | (character & 0x3f));
    } else if (character < 0x10000) {
        *to++ = (char)(0xe0 | character >> 12);
        *to++ = (char)(0x80 | (character >> 6 & 0x3f));
        *to++ = (char)(0x80 | (character & 0x3f));
    } else {
        *to++ = (char)(0xf0 | character >> 18);
        *to++ = (char)(0x80 | (character >> 12 & 0x3f));
        *to++ = (char)(0x80 | (character >> 6 & 0x3f));
        *to++ = (char)(0x80 | (character & 0x3f));
    }
    return to;
}

/* What follows a backslash. */
static bool read_escape(reader *reader, char **to) {
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (reader->at == reader->end) {
        return false;
    }
    char byte = *reader->at++;
    const char *found = byte == 0 ? NULL : strchr(names, byte);
    if (found != NULL) {
        *(*to)++ = meant[found - names];
        return true;
    }
    uint32_t character, low;
    if (byte != 'u' || !read_hex(reader, &character)) {
        return false;
    }
    if (character >= 0xd800 && character < 0xe000) {
        if (character >= 0xdc00 || !take_word(reader, "\\u") || !read_hex(reader, &low) || low < 0xdc00 ||
            low > 0xdfff) {
            return false;
        }
        character = 0x10000 + ((character & 0x3ff) << 10 | (low & 0x3ff));
    }
    *to = write_utf8(*to, character);
    return true;
}

static bool read_text(reader *reader, loglift_text *text) {
    if (!take(reader, '"')) {
        return false;
    }
    /* What is escaped is longer than what it means. */
    size_t most = (size_t)(reader->end - reader->at);
    const char *close = memchr(reader->at, '"', most);
    while (close != NULL && close[-1] == '\\') {
        close = memchr(close + 1, '"', (size_t)(reader->end - close - 1));
    }
    most = close == NULL ? most : (size_t)(close - reader->at);
    char *data = malloc(most + 1), *to = data;
    if (data == NULL) {
        abort();
    }
    while (reader->at < reader->end && *reader->at != '"') {
        char byte = *reader->at++;
        if ((unsigned char)byte < ' ' || (byte == '\\' && !read_escape(reader, &to))) {
            return false;
        }
        if (byte != '\\') {
            *to++ = byte;
        }
    }
    *to = 0;
    *text = (loglift_text){data, (size_t)(to - data)};
    return take(reader, '"');
}

/* Takes digits, and returns how many. Those that a number has no room for only count. */
static int read_digits(reader *reader, uint64_t *number, int *left_out) {
    int digits = 0;
    for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++, digits++) {
        if (*number < UINT64_MAX / 10 - 1) {
            *number = *number * 10 + (uint64_t)(*reader->at - '0');
        } else {
            *left_out += 1;
        }
    }
    return digits;
}

/* Exact as long as the digits are a number below 2^53 and the exponent is below 23, as those of configurations are. The
 * C library's function would bring stdio along. */
static bool read_number(reader *reader, json *value) {
    uint64_t digits = 0, exponent = 0;
    int left_out = 0, ignored = 0;
    bool is_negative = take_word(reader, "-");
    if (read_digits(reader, &digits, &left_out) == 0) {
        return false;
    }
    int decimal_exponent = left_out;
    if (take_word(reader, ".")) {
        left_out = 0;
        int places = read_digits(reader, &digits, &left_out);
        if (places == 0) {
            return false;
        }
        decimal_exponent -= places - left_out;
    }
    if (take_word(reader, "e") || take_word(reader, "E")) {
        bool is_down = take_word(reader, "-");
        if (!is_down) {
            take_word(reader, "+");
        }
        if (read_digits(reader, &exponent, &ignored) == 0 || exponent > 400) {
            return false;
        }
        decimal_exponent += is_down ? -(int)exponent : (int)exponent;
    }
    double power = 1;
    for (int left = decimal_exponent < 0 ? -decimal_exponent : decimal_exponent; left > 0; left--) {
        power *= 10;
    }
    value->kind = JSON_NUMBER;
    value->number = decimal_exponent < 0 ? (double)digits / power : (double)digits * power;
    value->number = is_negative ? -value->number : value->number;
    return true;
}

static bool read_members(reader *reader, json *value, char close) {
    if (take(reader, close)) {
        return true;
    }
    do {
        value->values = grown(value->values, value->len, sizeof *value->values);
        if (value->kind == JSON_OBJECT) {
            value->keys = grown(value->keys, value->len, sizeof *value->keys);
            if (!read_text(reader, &value->keys[value->len]) || !take(reader, ':')) {
                return false;
            }
        }
        if (!read_value(reader, &value->values[value->len])) {
            return false;
        }
        value->len += 1;
    } while (take(reader, ','));
    return take(reader, close);
}

static bool read_value(reader *reader, json *value) {
    memset(value, 0, sizeof *value);
    skip_space(reader);
    if (reader->at == reader->end || reader->depth == MAX_DEPTH) {
        return false;
    }
    bool is_read;
    switch (*reader->at) {
    case '"':
        value->kind = JSON_STRING;
        return read_text(reader, &value->text);
    case '{':
    case '[':
        value->kind = *reader->at == '{' ? JSON_OBJECT : JSON_ARRAY;
        reader->at += 1;
        reader->depth += 1;
        is_read = read_members(reader, value, value->kind == JSON_OBJECT ? '}' : ']');
        reader->depth -= 1;
        return is_read;
    case 'n':
        return take_word(reader, "null");
    case 't':
    case 'f':
        value->kind = JSON_BOOL;
        value->boolean = *reader->at == 't';
        return take_word(reader, value->boolean ? "true" : "false");
    default:
        return read_number(reader, value);
    }
}

const char *json_parse(loglift_text text, json *value) {
    reader reader = {text.data, text.data + text.len, 0};
    if (!read_value(&reader, value)) {
        return not_json;
    }
    skip_space(&reader);
    if (reader.at != reader.end) {
        return not_json;
    }
    return value->kind == JSON_OBJECT ? NULL : "the configuration is not an object";
}

const json *json_get(const json *object, const char *key) {
    for (size_t index = 0; index < object->len; index++) {
        if (loglift_text_equal(object->keys[index], loglift_text_of(key)) && object->values[index].kind != JSON_NULL) {
            return &object->values[index];
        }
    }
    return NULL;
}
