/* Formatted messages. Not by the C library, whose printf brings all of stdio along, and with it imports from WASI: a
 * processor needs nothing but the contract. Known are %s, %c, %d, %i, %u, %x and %%, with l, ll and z, and %.*s. */
#include <string.h>

#include "internal.h"

static void put(vector *text, const char *data, size_t len) {
    if (len > 0) {
        memcpy(vector_add(text, len, 1), data, len);
    }
}

static void put_number(vector *text, unsigned long long number, unsigned base, bool is_negative) {
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    if (is_negative) {
        digits[--at] = '-';
    }
    put(text, digits + at, sizeof digits - at);
}

/* The arguments, as a struct: some ABIs have an array, of which a pointer is another type. */
typedef struct arguments {
    va_list list;
} arguments;

enum length { INT, LONG, LONG_LONG, SIZE };

static enum length take_length(const char **format) {
    if (**format == 'z') {
        *format += 1;
        return SIZE;
    }
    int longs = 0;
    while (**format == 'l') {
        *format += 1;
        longs += 1;
    }
    return longs == 0 ? INT : longs == 1 ? LONG : LONG_LONG;
}

static unsigned long long take_unsigned(arguments *arguments, enum length length) {
    switch (length) {
    case LONG:
        return va_arg(arguments->list, unsigned long);
    case LONG_LONG:
        return va_arg(arguments->list, unsigned long long);
    case SIZE:
        return va_arg(arguments->list, size_t);
    default:
        return va_arg(arguments->list, unsigned);
    }
}

static long long take_signed(arguments *arguments, enum length length) {
    switch (length) {
    case LONG:
        return va_arg(arguments->list, long);
    case LONG_LONG:
        return va_arg(arguments->list, long long);
    case SIZE:
        return (long long)va_arg(arguments->list, size_t);
    default:
        return va_arg(arguments->list, int);
    }
}

/* Writes what follows a percent sign, and returns what comes after it. */
static const char *convert(vector *text, const char *format, arguments *arguments) {
    const char *start = format;
    size_t precision = SIZE_MAX;
    if (format[0] == '.' && format[1] == '*') {
        precision = (size_t)va_arg(arguments->list, int);
        format += 2;
    }
    enum length length = take_length(&format);
    switch (*format) {
    case 's': {
        const char *string = va_arg(arguments->list, const char *);
        put(text, string, precision == SIZE_MAX ? strlen(string) : precision);
        break;
    }
    case 'c': {
        char byte = (char)va_arg(arguments->list, int);
        put(text, &byte, 1);
        break;
    }
    case 'd':
    case 'i': {
        long long number = take_signed(arguments, length);
        put_number(text, number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number, 10, number < 0);
        break;
    }
    case 'u':
    case 'x':
        put_number(text, take_unsigned(arguments, length), *format == 'x' ? 16 : 10, false);
        break;
    case '%':
        put(text, "%", 1);
        break;
    default:
        /* Shown as it stands: the author will see it. */
        put(text, "%", 1);
        return start;
    }
    return format + 1;
}

loglift_text format_text(const char *format, va_list list) {
    vector text = {0};
    arguments arguments;
    va_copy(arguments.list, list);
    while (*format != 0) {
        const char *percent = strchr(format, '%');
        size_t plain = percent == NULL ? strlen(format) : (size_t)(percent - format);
        put(&text, format, plain);
        format += plain;
        if (percent != NULL) {
            format = convert(&text, format + 1, &arguments);
        }
    }
    va_end(arguments.list);
    return valid_utf8((loglift_text){text.data, text.len});
}

static bool is_between(const char *byte, unsigned char least, unsigned char most) {
    return (unsigned char)*byte >= least && (unsigned char)*byte <= most;
}

/* How many bytes the character at the beginning of a text has, or 0 if that is no character. */
static size_t character_len(loglift_text text) {
    const char *at = text.data;
    unsigned char first = (unsigned char)*at;
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (len <= 1 || text.len < len) {
        return len == 1;
    }
    /* Neither longer than need be, nor half of a pair, nor beyond the last character. */
    unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    bool is_valid = is_between(at + 1, least, most);
    for (size_t index = 2; index < len; index++) {
        is_valid = is_valid && is_between(at + index, 0x80, 0xbf);
    }
    return is_valid ? len : 0;
}

loglift_text valid_utf8(loglift_text text) {
    static const char replacement[] = "\xef\xbf\xbd";
    vector copy = {0};
    size_t copied = 0;
    bool is_copied = false;
    for (size_t at = 0; at < text.len;) {
        size_t len = character_len(loglift_text_after(text, at));
        if (len == 0) {
            put(&copy, text.data + copied, at - copied);
            put(&copy, replacement, sizeof replacement - 1);
            is_copied = true;
            copied = at + 1;
        }
        at += len == 0 ? 1 : len;
    }
    if (!is_copied) {
        return text;
    }
    put(&copy, text.data + copied, text.len - copied);
    return (loglift_text){copy.data, copy.len};
}
